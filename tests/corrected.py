"""A story that was told wrong: days on which it is told, its correction, and who hears of it."""

import email
import email.policy
from datetime import datetime, timedelta

from sqlalchemy import select

from newsletter.content import Maker, Tldr
from newsletter.desk import approval, correcting
from newsletter.desk.correcting import By
from newsletter.models import Correction, Issue, Story
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from tests.builders import a_story
from tests.issues import CUTOFF, PUBLISH, SEEN, daily, tell

#: what every correction here says
RIGHT = "It was nine percent, and not ninety."


def day(number: int) -> timedelta:
    """From the first day to that one."""
    return timedelta(days=number - 1)


def a_day(services: Services, number: int, *, revision: int = 1) -> None:
    """A day with news of its own, on which the story is told, as far as it can be, in that revision."""
    known = a_story("Known", tldr=Tldr(f"Known, as of revision {revision}.", Maker.AI, 2))
    tell(services, known, a_story(f"News of day {number}"), at=SEEN + day(number))
    deliver(services, number)


def deliver(services: Services, number: int) -> None:
    """All mails of that day leave."""
    tick(services, PUBLISH + day(number) + timedelta(hours=3))


def approved(services: Services, number: int) -> int:
    """The issue of that day, approved by a person before its cut-off."""
    tell(services, a_story(f"News of day {number}"), at=SEEN + day(number))
    now = CUTOFF + day(number) - timedelta(hours=1)
    tick(services, now)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, daily(services).id)
        approval.approve(session, issue, services.renderer, by="Ed", now=now)
        return issue.id


def known(services: Services) -> int:
    """The number of the story."""
    with reading(services.engine) as session:
        return session.scalars(select(Story.id).where(Story.title == "Known")).one()


def written(
    services: Services, now: datetime, *, kind: CorrectionKind = CorrectionKind.CORRECTION, revision: int = 1
) -> int:
    """A correction of the story that nobody confirmed; its number."""
    with writing(services.engine) as session:
        story = session.scalars(select(Story).where(Story.title == "Known")).one()
        made = correcting.write(session, story, kind=kind, text=RIGHT, revision=revision, by=By(now))
        return made.id


def corrected(
    services: Services, now: datetime, *, kind: CorrectionKind = CorrectionKind.CORRECTION, revision: int = 1
) -> int:
    """A confirmed one."""
    number = written(services, now, kind=kind, revision=revision)
    with writing(services.engine) as session:
        correcting.confirm(session, number, by=By(now))
    return number


def noted(services: Services, correction_id: int, now: datetime) -> int:
    """Let it go out at once; to how many."""
    with writing(services.engine) as session:
        return correcting.send_note(session, correction_id, by=By(now))


def is_noted(services: Services, correction_id: int) -> bool:
    with reading(services.engine) as session:
        return session.get_one(Correction, correction_id).noted_at is not None


def mails(services: Services) -> list[tuple[str, str, str]]:
    """Every mail that left: whose it is, its subject, its text."""
    found = []
    for path in sorted(services.settings.mail_folder.glob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        part = mail.get_body(("plain",))
        assert part is not None
        found.append((str(mail["To"]), str(mail["Subject"]), part.get_content()))
    return found


def heard(services: Services) -> list[str]:
    """Whoever heard of it, as often as they did."""
    return sorted(to.partition("@")[0].strip("<") for to, _, text in mails(services) if RIGHT in text)
