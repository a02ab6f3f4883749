"""Today: what an editor is to know in the morning. What comes next, what is on its way, what went otherwise.

Small at any number of readers: forecasts were counted before, and nothing here goes over mails but the
proof of what is leaving.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from newsletter.desk.changes import CHANGEABLE
from newsletter.desk.planning import timetable
from newsletter.editors.audit import names
from newsletter.models import AuditLine, Edition, Issue, IssueForecast, Newsletter, Notice, Pick
from newsletter.models.issue import LEAVING, MISSED, IssueState
from newsletter.newsletters import with_issues
from newsletter.release import Act
from newsletter.schedule import Occurrence, occurrences

#: how long an issue whose books are closed is still shown among those on their way
JUST_NOW = timedelta(hours=36)
#: how far back it is told what went otherwise, and how much of it
LATELY, TOLD = timedelta(days=7), 25


@dataclass(frozen=True)
class Foreseen:
    """How many will get it, as it was counted last."""

    mails: int
    editions: int
    made_at: datetime
    #: whether nobody changed the issue since
    of_now: bool


@dataclass(frozen=True)
class NextIssue:
    """An issue that is to come."""

    #: None for one that is not planned yet
    id: int | None
    newsletter: str
    zone: ZoneInfo
    date: date
    state: str
    reason: str | None
    cutoff_at: datetime
    publish_at: datetime
    #: that it could tell, and how many of them a mail tells at most
    stories: int = 0
    most: int = 0
    #: what is not done yet, in words
    missing: Sequence[str] = ()
    foreseen: Foreseen | None = None


@dataclass(frozen=True)
class Happening:
    """Something that went otherwise than an editor approved it."""

    at: datetime
    zone: ZoneInfo
    what: str
    why: str
    #: the issue that it happened to, if any
    issue_id: int | None = None
    state: str | None = None


def next_issues(session: Session, now: datetime) -> list[NextIssue]:
    """The open issues of each newsletter, or the one to be planned next; the first to leave first."""
    found: list[NextIssue] = []
    for newsletter in session.scalars(with_issues()):
        mine = (Issue.newsletter_id == newsletter.id, Issue.state.in_(CHANGEABLE))
        planned = session.scalars(select(Issue).where(*mine)).all()
        found += (_planned(session, issue) for issue in planned)
        if not any(issue.publish_at > now for issue in planned):
            [following, *_] = occurrences(timetable(newsletter), since=now, until=now + timedelta(days=8))
            found.append(_to_be_planned(newsletter, following))
    return sorted(found, key=lambda one: (one.publish_at, one.newsletter))


def _planned(session: Session, issue: Issue) -> NextIssue:
    mine = (Pick.issue_id == issue.id, Pick.dropped.is_(False))
    stories = session.scalars(select(func.count()).where(*mine)).one()
    return NextIssue(
        issue.id,
        issue.newsletter.name,
        ZoneInfo(issue.newsletter.timezone),
        issue.date,
        issue.state,
        issue.reason,
        issue.cutoff_at,
        issue.publish_at,
        stories,
        issue.newsletter.max_stories,
        list(_missing(issue, stories)),
        _foreseen(session, issue),
    )


def _to_be_planned(newsletter: Newsletter, following: Occurrence) -> NextIssue:
    zone = ZoneInfo(newsletter.timezone)
    reason = f"will be on {following.plan_at.astimezone(zone):%a %H:%M}"
    return NextIssue(
        None,
        newsletter.name,
        zone,
        following.date,
        "not planned",
        reason,
        following.cutoff_at,
        following.publish_at,
    )


def _missing(issue: Issue, stories: int) -> Iterator[str]:
    if not stories:
        yield "no story yet"
        return
    if issue.state == IssueState.DRAFT:
        leaves = issue.newsletter.policy == "send"
        then = "goes out all the same, unless preflight bars it" if leaves else "is held"
        yield f"not approved: at its cut-off it {then}"
    elif issue.state == IssueState.HELD:
        yield "not approved"
    if not issue.intro:
        yield "no intro"


def _foreseen(session: Session, issue: Issue) -> Foreseen | None:
    """Two numbers of a long document."""
    document = IssueForecast.document
    row = session.execute(
        select(
            document["mails"].as_integer(),
            document["editions"].as_integer(),
            IssueForecast.made_at,
            IssueForecast.version == issue.version,
        ).where(IssueForecast.issue_id == issue.id)
    ).one_or_none()
    return Foreseen(*row) if row else None


def on_their_way(session: Session, now: datetime) -> Sequence[Issue]:
    """Published issues whose mails are leaving, and those that were finished just now; the newest first."""
    finished = and_(Issue.state == IssueState.FINISHED, Issue.finished_at > now - JUST_NOW)
    return session.scalars(
        select(Issue)
        .where(or_(Issue.state.in_(LEAVING), finished))
        .order_by(Issue.publish_at.desc(), Issue.id)
    ).all()


def lately(session: Session, now: datetime) -> list[Happening]:
    """What did not go its way during the last week: the newest first."""
    since = (Issue.publish_at > now - LATELY, Issue.publish_at <= now)
    issues = session.scalars(select(Issue).where(*since)).all()
    told = [happening for issue in issues for happening in _of_issue(issue)]
    told += _readers_without(session, [issue for issue in issues if issue.frozen is not None])
    told += _by_hand(session, now)
    over = select(Notice).where(Notice.over_at > now - LATELY).order_by(Notice.over_at.desc()).limit(TOLD)
    told += [
        Happening(notice.at, ZoneInfo("UTC"), "Warning, over now", notice.text)
        for notice in session.scalars(over)
    ]
    return sorted(told, key=lambda one: one.at, reverse=True)[:TOLD]


def _of_issue(issue: Issue) -> Iterator[Happening]:
    if issue.state in MISSED:
        yield _happening(issue, issue.reason or "")
    elif issue.frozen is not None and (issue.approved_by or "").startswith("policy"):
        yield _happening(issue, "nobody approved it: it went out by its policy")


def _readers_without(session: Session, issues: Sequence[Issue]) -> Iterator[Happening]:
    """Who got no mail of an issue, and why."""
    by_id = {issue.id: issue for issue in issues}
    rows = session.execute(
        select(Edition.issue_id, Edition.skipped, func.sum(Edition.readers))
        # their fingerprints come after all others, which are hexadecimal: so the index finds them
        .where(Edition.issue_id.in_(by_id), Edition.fingerprint > "s", Edition.skipped.is_not(None))
        .group_by(Edition.issue_id, Edition.skipped)
        .order_by(Edition.issue_id, Edition.skipped)
    )
    for issue_id, why, readers in rows:
        assert issue_id is not None
        yield _happening(by_id[issue_id], f"no mail for {readers:,} reader{'s' * (readers != 1)}: {why}")


def _by_hand(session: Session, now: datetime) -> Iterator[Happening]:
    """Issues that an editor held or paused, whatever became of them since."""
    lines = session.scalars(
        select(AuditLine)
        .where(AuditLine.at > now - LATELY, AuditLine.act.in_((Act.HOLD, Act.PAUSE)))
        .order_by(AuditLine.id.desc())
        .limit(TOLD)
    ).all()
    who = names(session) if lines else {}
    for line in lines:
        issue = session.get_one(Issue, int(line.subject.removeprefix("issue ")))
        because = (line.detail or {}).get("because")
        by = "at the command line" if line.editor_id is None else f"by {who[line.editor_id]}"
        yield _happening(issue, f"{line.act} {by}{f': {because}' if because else ''}", at=line.at)


def _happening(issue: Issue, why: str, *, at: datetime | None = None) -> Happening:
    zone = ZoneInfo(issue.newsletter.timezone)
    name = f"{issue.newsletter.name}, {issue.date:%a} {issue.date.day} {issue.date:%b}"
    return Happening(at or issue.publish_at, zone, name, why, issue.id, issue.state)
