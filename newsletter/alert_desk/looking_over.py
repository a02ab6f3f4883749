"""An alert before it leaves: its mail as readers would get it, and what preflight finds in it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.alert_desk.editing import content_of, renew
from newsletter.alerts.aim import aimed_at, because, by_editors
from newsletter.alerts.pieces import AlertMail, AlertTelling, Pieces, compile_pieces, compose, from_json
from newsletter.corrections.book import corrections_of
from newsletter.editions import Composed, Shown, Telling
from newsletter.headers import digest_headers
from newsletter.links import no_reader_links
from newsletter.models import Alert
from newsletter.models.alert import AlertKind, AlertState
from newsletter.models.delivery import DeliveryKind
from newsletter.models.desk import CorrectionKind
from newsletter.newsletters import of_alerts
from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.galley import Galley, Seen
from newsletter.preflight.look import Leaving, in_order, in_sheet
from newsletter.rendering import telling
from newsletter.rendering.pieces import Card, Form
from newsletter.rendering.renderer import Renderer


def shown(session: Session, alert: Alert, renderer: Renderer) -> Shown:
    """The mail of the alert alone, as approved, or else as of now. Raises RenderError."""
    mail, _ = _mail(session, alert, renderer)
    return Shown(mail.content, mail.preheader, mail.size_bytes)


def as_of_now(session: Session, alert: Alert) -> None:
    """For looking at a draft: it tells its story as that is known now, and the session forgets it."""
    if alert.state == AlertState.DRAFT:
        session.expunge(alert)
        renew(alert, content_of(session, alert.story))


def look_over_alert(
    session: Session,
    alert: Alert,
    renderer: Renderer,
    leaving: Leaving,
    *,
    now: datetime,
) -> tuple[Finding, ...]:
    """What is wrong with the alert as it would be approved now, what blocks first.

    Raises RenderError when a template fails.
    """
    mail, pieces = _mail(session, alert, renderer)
    sheet = _sheet(session, alert, mail, _card(mail, pieces))
    alerts = of_alerts(session)
    headers = digest_headers(
        sender=leaving.sender,
        newsletter=alerts.name,
        slug=alerts.slug,
        occasion=alert.id,
        public_id="preflight",
        unsubscribe_url=no_reader_links(leaving.public_url)["unsubscribe_url"],
        kind=DeliveryKind.ALERT,
    )
    found = [
        *in_sheet(session, sheet, headers, leaving, {}, now=now),
        *_told_wrong(session, alert),
        *_aim(session, alert, now),
    ]
    return in_order(found, sheet)


def _mail(session: Session, alert: Alert, renderer: Renderer) -> tuple[AlertMail, Pieces]:
    pieces = from_json(alert.pieces) if alert.pieces else compile_pieces(session, alert, renderer)
    form = Form.CORRECTION if alert.kind == AlertKind.CORRECTION else Form.ALERT
    told = AlertTelling(alert.id, alert.story_id, alert.revision, form)
    if alert.kind == AlertKind.EDITORS:
        told = replace(told, because=because(alert), fired=(by_editors(alert),))
    return compose([told], {alert.id: pieces}, whole=1), pieces


def _card(mail: AlertMail, pieces: Pieces) -> Card:
    card = pieces[mail.tellings[0].form]
    assert isinstance(card, Card)
    return card


def _sheet(session: Session, alert: Alert, mail: AlertMail, card: Card) -> Galley:
    """As preflight reads it: one story, and one mail for all."""
    content = content_of(session, alert.story)
    told = telling.Telling(content, headline=alert.headline, note=alert.line, story_id=alert.story_id)
    [one] = mail.tellings
    place = Telling(one.story_id, one.revision, one.piece, one.because, one.changes)
    composed = Composed(mail.subject, (place,), mail.content, mail.size_bytes)
    return Galley({alert.story_id: told}, {alert.story_id: card}, None, (Seen(None, composed),))


def _told_wrong(session: Session, alert: Alert) -> Iterator[Finding]:
    """Nothing is told at once that a correction says is wrong."""
    for one in corrections_of(session, [alert.story_id]).get(alert.story_id, ()):
        retracts = one.kind == CorrectionKind.RETRACTION
        if retracts or alert.revision <= one.revision:
            said = "it is retracted" if retracts else f"a correction says that this is wrong: “{one.text}”"
            remedy = (
                "cancel the alert" if retracts else "import the story as it is right, or cancel the alert"
            )
            yield Finding("corrections", Severity.BLOCKING, "story", said, remedy, alert.story_id)


def _aim(session: Session, alert: Alert, now: datetime) -> Iterator[Finding]:
    if not alert.audiences and not alert.segment:
        words, remedy = "it is aimed at nobody", "choose audiences, or a segment"
        yield Finding("aim", Severity.BLOCKING, "aim", words, remedy)
    elif session.scalars(aimed_at(session, alert, now=now).order_by(None).limit(1)).first() is None:
        words, remedy = "nobody of its aim receives alerts now", "aim it wider, or let it be"
        yield Finding("aim", Severity.WARNING, "aim", words, remedy)
