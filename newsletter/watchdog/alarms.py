"""What the editors are to be told of: silence, issues that nobody lets go, closed ways, counts that are off.

Pure: the facts of one moment in, alarms out, the most urgent first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

#: before its cut-off an issue that waits for a person is called out twice
FIRST_CALL, LAST_CALL = timedelta(minutes=60), timedelta(minutes=15)
#: a way that works again sooner is no news
CLOSED_LONG = timedelta(minutes=10)
#: an issue due now may just be on its way
GRACE = timedelta(hours=1)
#: silence of the intake that is never alarming, and how many usual pauses are
LEAST_SILENCE, PAUSES = timedelta(hours=12), 4
#: days with news that it takes to know what is usual
KNOWN_DAYS = 3
SATURDAY = 5


#: the first words of keys, the most urgent first
KINDS = ("way", "issue", "intake", "newsletter", "audience")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that holds now."""

    #: what it is about; nobody is told twice of the same as long as it holds
    key: str
    #: for editors, in whole sentences that stay true
    text: str


@dataclass(frozen=True, slots=True)
class WaitingIssue:
    """An issue near its cut-off or past it that nobody has approved."""

    id: int
    newsletter: str
    date: date
    zone: ZoneInfo
    cutoff_at: datetime
    expires_at: datetime
    #: its policy is to send it without an approval
    leaves_anyway: bool
    #: yet it was meant to be seen by two
    two_persons: bool = False
    #: findings of preflight that keep it from leaving
    barred: int = 0
    #: why it is held; None for a draft
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """A newsletter that has readers, and whom it told nothing of late."""

    slug: str
    newsletter: str
    zone: ZoneInfo
    #: how long it may say nothing
    patience: timedelta
    #: publication of the first issue
    since: datetime
    #: publication of the last issue of which anybody got a mail
    told_at: datetime | None
    #: audiences that readers chose, and for which no issue within that time had a story
    unserved: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ClosedWay:
    """A way that lets nothing through."""

    key: str
    because: str
    #: how long it is closed in a row at least; None until a person opens or mends it
    lasts: timedelta | None


@dataclass(frozen=True, slots=True)
class OddCount:
    """An issue without open mails whose proof does not add up."""

    id: int
    newsletter: str
    date: date
    sentence: str


@dataclass(frozen=True, slots=True)
class Facts:
    issues: Sequence[WaitingIssue] = ()
    voices: Sequence[Voice] = ()
    #: when stories came in or changed, during the two weeks up to the last time; rising
    intake: Sequence[datetime] = ()
    ways: Sequence[ClosedWay] = ()
    odd: Sequence[OddCount] = ()


def patience(quiet_days: int, *, period: timedelta) -> timedelta:
    """How long a newsletter may say nothing: its quiet days, but a day past its next issue at least."""
    return max(timedelta(days=quiet_days), period + timedelta(days=1)) + GRACE


def urgency(key: str) -> int:
    """The place of an alarm's kind among all kinds; the most urgent is 0."""
    return KINDS.index(key.partition(":")[0])


def alarms(facts: Facts, *, now: datetime) -> list[Alarm]:
    """All that holds at `now`."""
    return [
        *_closed(facts.ways),
        *_odd(facts.odd),
        *_waiting(facts.issues, now),
        *_silence(facts.intake, now),
        *_quiet(facts.voices, now),
    ]


def _closed(ways: Sequence[ClosedWay]) -> Iterator[Alarm]:
    for way in ways:
        if way.lasts is None:
            yield Alarm(
                f"way:{way.key}", f"No mail leaves by {way.key} until somebody sees to it: {way.because}"
            )
        elif way.lasts >= CLOSED_LONG:
            yield Alarm(f"way:{way.key}", f"No mail has left by {way.key} for a while: {way.because}")


def _odd(issues: Sequence[OddCount]) -> Iterator[Alarm]:
    for issue in issues:
        told = f"The counts of {issue.newsletter} of {_day(issue.date)} do not add up: {issue.sentence}"
        yield Alarm(f"issue:{issue.id}:counts", told)


def _waiting(issues: Sequence[WaitingIssue], now: datetime) -> Iterator[Alarm]:
    for issue in issues:
        left = issue.cutoff_at - now
        name = f"{issue.newsletter} of {_day(issue.date)}"
        if left > timedelta():
            yield from _calls(issue, name, left)
        elif issue.held is not None:
            until = f"It goes out only if somebody approves it by {_moment(issue.expires_at, issue.zone)}"
            yield Alarm(f"issue:{issue.id}:held", f"{name} is held after its cut-off. {until}: {issue.held}")


def _calls(issue: WaitingIssue, name: str, left: timedelta) -> Iterator[Alarm]:
    leaves = issue.leaves_anyway and issue.held is None and not issue.barred
    if left > FIRST_CALL or (leaves and not issue.two_persons):
        return
    standing = "is not approved" if issue.held is None else "is held"
    if issue.barred:
        standing += f", and preflight bars it ({issue.barred} to mend)"
    then = "goes out as it is" if leaves else "waits for an approval"
    call = "last call" if left <= LAST_CALL else "first call"
    closes = _moment(issue.cutoff_at, issue.zone)
    yield Alarm(f"issue:{issue.id}:{call}", f"{name} {standing}. It closes {closes}, and then {then}.")


def _quiet(voices: Sequence[Voice], now: datetime) -> Iterator[Alarm]:
    for voice in voices:
        if now - (voice.told_at or voice.since) > voice.patience:
            if voice.told_at:
                text = f"{voice.newsletter} has reached nobody since {_moment(voice.told_at, voice.zone)}."
            else:
                due = _moment(voice.since, voice.zone)
                text = f"{voice.newsletter} has reached nobody yet: its first issue was due {due}."
            yield Alarm(f"newsletter:{voice.slug}", text)
        elif now - voice.since > voice.patience:
            for audience in voice.unserved:
                text = f"{voice.newsletter} has had no story for {audience} for {voice.patience.days} days."
                yield Alarm(f"audience:{voice.slug}:{audience}", text)


def _silence(moments: Sequence[datetime], now: datetime) -> Iterator[Alarm]:
    """No story came in or changed for longer than its usual pace explains.

    Weekends do not count where none brought anything.
    """
    weekdays_only = all(moment.weekday() < SATURDAY for moment in moments)
    longest: dict[date, timedelta] = {}
    for before, after in pairwise(moments):
        pause = _between(before, after, weekdays_only=weekdays_only)
        longest[after.date()] = max(pause, longest.get(after.date(), pause))
    if len(longest) < KNOWN_DAYS:
        return
    usual = median(pause.total_seconds() for pause in longest.values())
    bearable = max(LEAST_SILENCE, PAUSES * timedelta(seconds=usual))
    if _between(moments[-1], now, weekdays_only=weekdays_only) > bearable:
        last = _moment(moments[-1], ZoneInfo("UTC"))
        usually = f"at most {max(1, round(usual / 3600))} h pass on a usual day"
        yield Alarm("intake", f"No story has come in or changed since {last}; {usually}.")


def _between(before: datetime, after: datetime, *, weekdays_only: bool) -> timedelta:
    """The time that passed, without Saturdays and Sundays (UTC) on demand."""
    if not weekdays_only:
        return after - before
    passed, day = timedelta(), before
    while day < after:
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        if day.weekday() < SATURDAY:
            passed += min(midnight, after) - day
        day = midnight
    return passed


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{_day(local.date())}, {local:%H:%M %Z}"
