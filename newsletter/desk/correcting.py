"""What editors do about a story that was told wrong: write a correction, confirm it, send it at once.

Nobody hears of a correction before an approver confirmed it. From then on digests tell it to whoever
received what was wrong; a story that is retracted is told to nobody any more. All of it stands in the log.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.corrections.book import LIFE, LONGEST, locked
from newsletter.corrections.noting import freeze_notes
from newsletter.desk.changes import void
from newsletter.editors.audit import audit
from newsletter.models import Correction, Issue, Pick, Story
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import IssueState


class BadCorrection(ValueError):
    """A correction cannot be used as it is written; the message says how to mend it."""


class Settled(ValueError):
    """What is asked for was done by now, or cannot be any more."""


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and when."""

    now: datetime
    #: None for the command line
    editor_id: int | None = None
    ip: str | None = None


def check(story: Story, kind: CorrectionKind, text: str, revision: int | None = None) -> Correction:
    """The correction as it would be written down, which it is not. Raises BadCorrection.

    Without a revision, and always for a retraction, all that is known by now was wrong.
    """
    if kind is CorrectionKind.RETRACTION or revision is None:
        revision = story.revision
    if not 1 <= revision <= story.revision:
        raise BadCorrection(
            f"Story {story.id} has no revision {revision}: choose one from 1 to {story.revision}."
        )
    lines = [re.sub(r"[\x00-\x1f\x7f]+", " ", line).strip() for line in text.splitlines()]
    text = "\n".join(filter(None, lines))
    if not text:
        raise BadCorrection("Say what was wrong, and what is right.")
    if len(text) > LONGEST:
        raise BadCorrection(
            f"A correction may have {LONGEST:,} characters, and this has {len(text):,}: shorten it."
        )
    return Correction(story_id=story.id, revision=revision, kind=kind, text=text)


def write(
    session: Session,
    story: Story,
    *,
    kind: CorrectionKind,
    text: str,
    revision: int | None = None,
    by: By,
) -> Correction:
    """Write down that what was told of the story up to `revision` was wrong; nobody hears of it yet.

    Raises BadCorrection, as `check`.
    """
    correction = check(story, kind, text, revision)
    correction.made_at, correction.editor_id = by.now, by.editor_id
    session.add(correction)
    session.flush()
    _log(session, "correction written", correction, by, kind=kind, revision=correction.revision)
    return correction


def take_away(session: Session, correction_id: int, *, by: By) -> None:
    """Forget a correction that nobody confirmed. Raises LookupError and Settled."""
    correction = locked(session, correction_id)
    if correction.confirmed_at is not None:
        raise Settled("This correction is confirmed, so it stays: write another one that puts it right.")
    _log(session, "correction taken away", correction, by, text=correction.text)
    session.delete(correction)
    session.flush()


def confirm(session: Session, correction_id: int, *, by: By) -> Sequence[Issue]:
    """Let the correction count; returns the issues whose approval is void by it.

    Those are the ones that would tell what it says is wrong. Any other issue that is approved already
    leaves as it was approved, and the next one tells the correction. Raises LookupError and Settled.
    """
    correction = locked(session, correction_id)
    if correction.confirmed_at is not None:
        raise Settled("This correction is confirmed already.")
    correction.confirmed_at, correction.confirmed_by = by.now, by.editor_id
    session.flush()
    issues = session.scalars(
        select(Issue)
        .join(Pick, Pick.issue_id == Issue.id)
        .where(
            Issue.state == IssueState.APPROVED,
            Pick.story_id == correction.story_id,
            Pick.revision <= correction.revision,
            Pick.dropped.is_(False),
        )
        .order_by(Issue.id)
        .with_for_update(of=Issue),
        execution_options={"populate_existing": True},
    ).all()
    title = session.get_one(Story, correction.story_id).title
    for issue in issues:
        void(issue, by.now, f"“{title}” needed a {correction.kind}")
    _log(session, "correction confirmed", correction, by, voided=[issue.id for issue in issues])
    return issues


def send_note(session: Session, correction_id: int, *, by: By) -> int:
    """Let the correction go out at once, to all who are to hear of it; returns to how many.

    A second time does nothing. Raises LookupError and Settled.
    """
    correction = locked(session, correction_id)
    if correction.confirmed_at is None:
        raise Settled("Nobody confirmed this correction yet: confirm it first.")
    if correction.noted_at is not None:
        return 0
    if by.now >= correction.confirmed_at + LIFE:
        raise Settled("This correction is older than a month: it is no news any more.")
    mails = freeze_notes(session, correction, now=by.now)
    correction.noted_at = by.now
    session.flush()
    _log(session, "correction sent at once", correction, by, mails=mails)
    return mails


def _log(session: Session, act: str, correction: Correction, by: By, **detail: object) -> None:
    subject = f"story {correction.story_id}"
    detail = {"correction": correction.id, **detail}
    audit(session, act, subject, editor_id=by.editor_id, now=by.now, detail=detail, ip=by.ip)
