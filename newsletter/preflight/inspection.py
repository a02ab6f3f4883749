"""What takes time: following the links of an issue and asking for its spam score, begun by a person.

How far it is stands in the database, so that every process can show it; one that dies leaves what was
found until then. Nothing is asked within a transaction.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from newsletter.mail import Sender
from newsletter.models import Inspection, Issue, LinkCheck
from newsletter.preflight import links, spam
from newsletter.preflight.followed import Followed, Trouble
from newsletter.preflight.galley import galley, trial
from newsletter.providers.mime import compose
from newsletter.rendering.renderer import Renderer
from newsletter.site import Site
from newsletter.store.engine import UNSEEN, writing
from subscribers.unique import insert_new

#: how long what came of following a link holds
KEPT = timedelta(hours=24)
#: without a sign for so long, nobody is at it any more
SILENCE = timedelta(minutes=2)
#: answers written at once
PORTION = 10

NO_NETWORK = "nothing answered anywhere; there may be no network"


@dataclass(frozen=True)
class Errand:
    """What is to be asked about an issue."""

    urls: tuple[str, ...]
    #: the mail as it would leave; None where there is nobody to score it
    message: bytes | None


def errand(
    session: Session,
    issue: Issue,
    renderer: Renderer,
    *,
    site: Site,
    sender: Sender,
    public_url: str,
    now: datetime,
) -> Errand:
    """The links of the issue as it would be approved now, and its mail to readers who chose nothing."""
    sheet = galley(session, issue, renderer, site)
    message = None
    if spam.is_installed() and sheet.mails:
        _, mail = sheet.mails[0]
        message = compose(trial(issue, mail.content, sender=sender, public_url=public_url), date=now)
    return Errand(sheet.links, message)


def at_work(inspection: Inspection | None, now: datetime) -> bool:
    """Whether somebody is at it just now."""
    return inspection is not None and inspection.ended_at is None and now - inspection.beat < SILENCE


def followed(session: Session, urls: Collection[str], *, now: datetime) -> dict[str, Followed]:
    """What came of following these links within the last KEPT."""
    rows = session.scalars(
        select(LinkCheck).where(LinkCheck.url.in_(urls), LinkCheck.checked_at > now - KEPT)
    )
    return {
        row.url: Followed(row.url, row.status, row.led_to, Trouble(row.trouble) if row.trouble else None)
        for row in rows
    }


def begin(session: Session, issue: Issue, asked: Errand, *, now: datetime) -> Errand | None:
    """Note that the issue, which is locked by the caller, is inspected from now on.

    Returns what is left to ask, without the links that were followed lately; None where somebody is at
    it already.
    """
    inspection = session.get(Inspection, issue.id)
    if at_work(inspection, now):
        return None
    session.execute(delete(LinkCheck).where(LinkCheck.checked_at <= now - KEPT), execution_options=UNSEEN)
    known = followed(session, asked.urls, now=now)
    due = tuple(url for url in asked.urls if url not in known)[: links.MOST]
    if inspection is None:
        inspection = Inspection(issue_id=issue.id)
        session.add(inspection)
    inspection.begun_at = inspection.beat = now
    inspection.ended_at = inspection.trouble = inspection.spam_score = inspection.spam_rules = None
    inspection.links, inspection.done, inspection.untold = len(due), 0, 0
    session.flush()
    return Errand(due, asked.message)


def inspect(engine: Engine, issue_id: int, asked: Errand, clock: Callable[[], datetime]) -> None:
    """Do what was begun: ask for the score, follow the links, and write down what comes of it."""
    work = _Work(engine, issue_id, clock)
    if asked.message and (score := spam.score(asked.message)):
        work.note(spam_score=score.points, spam_rules=score.rules)
    try:
        links.follow(asked.urls, work.keep)
    except links.Offline:
        work.note(trouble=NO_NETWORK, ended_at=clock())
        return
    work.write()
    work.note(ended_at=clock())


class _Work:
    """One inspection in this process's hands."""

    def __init__(self, engine: Engine, issue_id: int, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._issue_id = issue_id
        self._clock = clock
        self._answers: list[Followed] = []
        self._done = self._untold = 0

    def keep(self, answer: Followed) -> None:
        """Write answers by portions; as long as nothing answers, none is believed."""
        self._answers.append(answer)
        heard = any(each.status is not None for each in self._answers)
        if len(self._answers) >= PORTION and (self._done or heard):
            self.write()

    def write(self) -> None:
        answers, self._answers = self._answers, []
        self._done += len(answers)
        self._untold += sum(not answer.is_known for answer in answers)
        now = self._clock()
        rows = [
            {"url": a.url, "checked_at": now, "status": a.status, "led_to": a.led_to, "trouble": a.trouble}
            for a in answers
        ]
        with writing(self._engine) as session:
            urls = [answer.url for answer in answers]
            session.execute(delete(LinkCheck).where(LinkCheck.url.in_(urls)), execution_options=UNSEEN)
            if rows:
                insert_new(session, LinkCheck, rows)
        self.note(done=self._done, untold=self._untold)

    def note(self, **news: object) -> None:
        with writing(self._engine) as session:
            session.execute(
                update(Inspection)
                .where(Inspection.issue_id == self._issue_id)
                .values(beat=self._clock(), **news),
                execution_options=UNSEEN,
            )
