"""An alert's mail: its compiled parts, and how mails are joined from those of one alert or of several.

Preview, approval and the real mail come from here. Once compiled, parts stay with their alert: what
leaves needs no template, no story, no compiler.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alerts.sparing import Limits
from newsletter.corrections.book import card_of
from newsletter.mail import Content
from newsletter.models import Alert, Correction, Edition, EditionStory, Newsletter, StoryRevision
from newsletter.models.alert import AlertKind
from newsletter.newsletters import ALERT
from newsletter.rendering.joining import LIMIT, Entry, Fired, alert_subject, join_alert, preheader, size_of
from newsletter.rendering.pieces import ALERTING, AlertShell, Card, Form, alert_piece, alerted_by
from newsletter.rendering.renderer import Renderer
from newsletter.site import AlertSpec

SHELL = "shell"
#: over a mail that begins with a correction
CORRECTS = "About a story that we told you"
Pieces = Mapping[str, Card | AlertShell]


def alert_limits(spec: AlertSpec) -> Limits:
    """How sparing the alerts of the publication are."""
    return Limits(
        life=timedelta(hours=spec.life_hours),
        fresh=timedelta(hours=spec.fresh_hours),
        story_rest=timedelta(hours=spec.story_rest_hours),
        company_rest=timedelta(hours=spec.company_rest_hours),
        gather=timedelta(minutes=spec.gather_minutes),
        whole=spec.max_stories,
    )


def compile_pieces(session: Session, alert: Alert, renderer: Renderer) -> dict[str, Card | AlertShell]:
    """The parts of which mails that tell the alert are joined, by name: the shell, and a card in each form.

    Raises RenderError.
    """
    alerts = session.scalars(select(Newsletter).where(Newsletter.cadence == ALERT)).one()
    shell = renderer.alert_shell(newsletter=alerts.name, description=alerts.description)
    if alert.kind == AlertKind.CORRECTION:
        correction = session.get_one(Correction, alert.correction_id)
        return {SHELL: shell, Form.CORRECTION: card_of(session, correction, renderer)}
    content = session.get_one(StoryRevision, (alert.story_id, alert.revision)).content
    cards: dict[str, Card | AlertShell] = {
        form: renderer.card(content, form, headline=alert.headline, note=alert.line) for form in ALERTING
    }
    return {SHELL: shell, **cards}


def to_json(pieces: Pieces) -> dict[str, Any]:
    """The document that is kept in `Alert.pieces`; `from_json` gives the equal value back."""
    return {name: part.to_json() for name, part in pieces.items()}


def from_json(document: Mapping[str, Any]) -> Pieces:
    return {
        name: AlertShell.from_json(part) if name == SHELL else Card.from_json(part)
        for name, part in document.items()
    }


def hash_of_approved(alert: Alert, pieces: Mapping[str, Any]) -> str:
    """SHA-256 over what it says, as frozen in these pieces, and whom it is aimed at."""
    aim = [alert.story_id, alert.revision, sorted(alert.audiences), alert.segment]
    return hashlib.sha256(json.dumps([aim, pieces], sort_keys=True).encode()).hexdigest()


def is_as_approved(alert: Alert) -> bool:
    """Whether what is kept of an editors' alert is what was approved, whatever templates there are by now."""
    return alert.kind != AlertKind.EDITORS or alert.content_hash == hash_of_approved(alert, alert.pieces)


@dataclass(frozen=True)
class AlertTelling:
    """An alert's place in a mail, and what is said of it to the readers who share the mail."""

    alert_id: int
    story_id: int
    #: the newest that is told: newer than that of its card where newer facts stand beside it
    revision: int
    #: in which form it is told here; `compose` chooses it, but for corrections
    form: Form = Form.ALERT
    #: stands beside the story: why it comes
    because: tuple[str, ...] = ()
    #: what is new to whoever was told before; of a correction, what they were told
    changes: tuple[str, ...] = ()
    #: all that brought it, for the footer: the reader's rules, the editors, a correction
    fired: tuple[Fired, ...] = ()

    @property
    def piece(self) -> str:
        return alert_piece(self.alert_id, self.form)


@dataclass(frozen=True)
class AlertMail:
    """A mail as composed; what differs by reader stays open in it."""

    subject: str
    tellings: tuple[AlertTelling, ...]
    content: Content
    #: what a mailbox shows beside the subject
    preheader: str
    size_bytes: int

    def fingerprint(self) -> str:
        """Equal for readers who get the same mail."""
        said = [
            [one.piece, one.revision, one.because, one.changes, [[f.by, f.words, f.facts] for f in one.fired]]
            for one in self.tellings
        ]
        return hashlib.blake2b(json.dumps([self.subject, said]).encode(), digest_size=16).hexdigest()


def compose(tellings: Sequence[AlertTelling], pieces: Mapping[int, Pieces], *, whole: int) -> AlertMail:
    """One mail of the alerts, in their order: the first leads, `whole` are told whole, the others in brief.

    `pieces` by alert id. Where it would be larger than mail clients show, fewer are told whole, and last of
    all fewer of the rules that found a story are named.
    """
    sizes = [*((number, None) for number in range(whole, 0, -1)), (1, 3), (1, 1)]
    for number, rules in sizes:
        told = [_placed(telling, place, number, rules) for place, telling in enumerate(tellings)]
        mail = _joined(told, pieces, _subject(told, pieces))
        if mail.size_bytes <= LIMIT:
            break
    return mail


def compose_again(
    tellings: Sequence[AlertTelling], pieces: Mapping[int, Pieces], *, subject: str
) -> AlertMail:
    """What was composed before, byte for byte."""
    return _joined(tellings, pieces, subject)


def mail_of(session: Session, edition: Edition) -> AlertMail:
    """The mail of an edition of alerts, as it was composed. KeyError where pieces are gone."""
    tellings = [_telling(story) for story in edition.stories]
    documents = session.execute(
        select(Alert.id, Alert.pieces).where(Alert.id.in_([one.alert_id for one in tellings]))
    )
    pieces = {alert_id: from_json(document) for alert_id, document in documents}
    return compose_again(tellings, pieces, subject=edition.subject or "")


def _telling(story: EditionStory) -> AlertTelling:
    return AlertTelling(
        alerted_by(story.piece) or 0,
        story.story_id,
        story.revision,
        Form(story.piece.rpartition("/")[2]),
        tuple(story.because),
        tuple(story.changes),
        tuple(Fired(by, words, tuple(facts)) for by, words, facts in story.rules),
    )


def _placed(telling: AlertTelling, place: int, whole: int, rules: int | None) -> AlertTelling:
    """As it is told at this place, with so many of the rules that found it."""
    if telling.form is Form.CORRECTION:
        return telling
    form = Form.ALERT if place == 0 else Form.ALSO if place < whole else Form.BRIEF
    return replace(telling, form=form, fired=telling.fired[:rules])


def _subject(tellings: Sequence[AlertTelling], pieces: Mapping[int, Pieces]) -> str:
    lead = tellings[0]
    headline = _card(lead, pieces).headline
    begin = "Correction" if lead.form is Form.CORRECTION else "Alert"
    return alert_subject(headline, further=len(tellings) - 1, begin=begin)


def _joined(tellings: Sequence[AlertTelling], pieces: Mapping[int, Pieces], subject: str) -> AlertMail:
    entries = [
        Entry(_card(one, pieces), because=one.because, changes=one.changes, fired=one.fired)
        for one in tellings
    ]
    # any shell serves: each was compiled with its alert
    shell = pieces[tellings[0].alert_id][SHELL]
    assert isinstance(shell, AlertShell)
    heading = CORRECTS if tellings[0].form is Form.CORRECTION else ""
    content = join_alert(shell, entries, subject=subject, heading=heading)
    cards = [entry.card for entry in entries]
    lead = preheader([card.lead for card in cards], [card.headline for card in cards])
    return AlertMail(subject, tuple(tellings), content, lead, size_of(content))


def _card(telling: AlertTelling, pieces: Mapping[int, Pieces]) -> Card:
    card = pieces[telling.alert_id][telling.form]
    assert isinstance(card, Card)
    return card
