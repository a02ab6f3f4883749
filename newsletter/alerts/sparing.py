"""What is not sent: when an alert leaves, waits, goes into the next digest, or is dropped. Pure.

First it is asked whether the story is news to a reader at all (`newness`), when it comes in. What is,
waits; and at each moment at which something of a reader's is due, `dispose` says what becomes of all
that waits for them. So one rule decides, whether an alert is a second old or was held over night.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.alerts.phrases import count, hours
from newsletter.alerts.quiet import next_morning, quiet_until
from newsletter.content import Impact
from newsletter.judging import Reason
from subscribers.alert_choices import AlertChoices, InQuiet

#: in one mail; more would be a pile
MOST_STORIES = 12

#: the rules by which an alert is kept back, in the order in which they are asked
ORDER = ("meanwhile", "life", "same", "rest", "budget", "quiet", "gather", "full")
#: labels of the stories that may come into a quiet
HIGHEST = (Impact.ADVANCE, Impact.DELAY)
#: why an alert waits, or is folded
IN_QUIET = "you want quiet now"
#: why an alert was dropped for a newer one of its story: its reader was neither told the story by it, nor
#: spared it
REPLACED = "told with newer facts"
#: why one was dropped whose news was taken back while it waited, so that it is as if it had never come up
TAKEN_BACK = "what was new in it is so no more"
#: whoever had an alert dropped for one of these knows no more than before
WITHOUT_A_WORD = frozenset({REPLACED, TAKEN_BACK})


@dataclass(frozen=True, slots=True)
class Limits:
    """How sparing the alerts are for everybody; see `site.AlertSpec`."""

    life: timedelta
    fresh: timedelta
    story_rest: timedelta
    company_rest: timedelta
    gather: timedelta
    #: stories told whole in one mail
    whole: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that waits for one reader."""

    id: int
    story_id: int
    companies: frozenset[str]
    impact: Impact | None
    outlets: int
    #: when it came up for this reader
    decided_at: datetime
    expires_at: datetime
    #: of the kind CORRECTION: no rest of story or company keeps it back
    corrects: bool = False
    #: of the kind EDITORS: no alert of a rule takes the place of their line
    by_editors: bool = False
    #: what the reader knows of the story by now, and did not when it came up
    told_since: str | None = None
    #: how its companies are written
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mailed:
    """An alert mail that a reader got, or is about to get."""

    at: datetime
    story_ids: frozenset[int]
    companies: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reader:
    """What decides about the alerts of one reader at one moment."""

    choices: AlertChoices
    zone: ZoneInfo
    #: whether a digest comes to them, into which something can be folded
    reads_digest: bool
    #: digests and alerts of their day that left or are leaving
    mails_today: int
    #: alert mails of the last hours, as far back as the longest rest
    mailed: Sequence[Mailed] = ()
    #: 1 where a place of the day is kept for a digest that was put off before
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Disposal:
    """What becomes now of what waits for a reader: each alert's id stands in just one of them."""

    #: one mail, the first leads
    mail: tuple[int, ...] = ()
    #: told in that mail beside another alert of their story: which one's
    beside: Mapping[int, int] = field(default_factory=dict)
    #: until when, and why
    held: Mapping[int, tuple[datetime, Reason]] = field(default_factory=dict)
    #: into the next digest, and why
    folded: Mapping[int, Reason] = field(default_factory=dict)
    dropped: Mapping[int, Reason] = field(default_factory=dict)


def dispose(waiting: Sequence[Waiting], reader: Reader, limits: Limits, *, now: datetime) -> Disposal:
    """What becomes of all that waits for the reader, held ones included.

    In this order: told meanwhile → dropped; too old → folded; the story or one of its companies rests →
    folded; the day's mails are used up → folded; it is quiet → held, folded, or let through for the
    highest impact; an alert left less than `gather` ago → held until then, all together. What remains is
    one mail. For a reader without a digest, folding means holding until the next morning, and dropping
    what is older than its life by then. Nothing is held beyond its life: it is folded instead.
    """
    fates = _Fates(reader, limits, now)
    pairs = _one_each(fates.alive(waiting), fates)
    for one, newer in pairs:
        fates.decide(_with(one, newer))
        if newer and one.id in fates.dropped:
            fates.decide(newer)
    ready = sorted(
        fates.ready, key=lambda one: (one.impact not in HIGHEST, -one.outlets, one.decided_at, one.id)
    )
    for one in ready[MOST_STORIES:]:
        fates.fold(one, Reason("full", False, f"the mail is full: {MOST_STORIES} stories come before it"))
    mail = tuple(one.id for one in ready[:MOST_STORIES])
    beside = {newer.id: one.id for one, newer in pairs if newer and one.id in mail}
    for one, newer in pairs:
        if newer:
            fates.share(one, newer)
    return Disposal(mail, beside, fates.held, fates.folded, fates.dropped)


class _Fates:
    """What became of each alert, up to those that are mailed."""

    def __init__(self, reader: Reader, limits: Limits, now: datetime) -> None:
        self._reader = reader
        self._limits = limits
        self._now = now
        self._quiet = quiet_until(reader.choices, reader.zone, now)
        self._gathered = max((mailed.at + limits.gather for mailed in reader.mailed), default=now)
        #: to be mailed, if there is room
        self.ready: list[Waiting] = []
        self.held: dict[int, tuple[datetime, Reason]] = {}
        self.folded: dict[int, Reason] = {}
        self.dropped: dict[int, Reason] = {}

    def alive(self, waiting: Sequence[Waiting]) -> Iterator[Waiting]:
        """Those that are still news."""
        for one in waiting:
            if one.told_since:
                self.dropped[one.id] = Reason("meanwhile", False, one.told_since)
            elif one.expires_at <= self._now:
                old = f"too old: it was news until {self._clock(one.expires_at)}"
                late = self.folded if self._reader.reads_digest else self.dropped
                late[one.id] = Reason("life", False, old)
            else:
                yield one

    def decide(self, one: Waiting) -> None:
        """By the rules in their order, see `dispose`."""
        if rest := _rest(one, self._reader, self._limits, self._now):
            self.fold(one, Reason("rest", False, rest))
        elif used_up := _used_up(self._reader):
            self.fold(one, Reason("budget", False, used_up))
        elif self._quiet and not self._comes(one):
            self.keep_quiet(one, self._quiet)
        elif self._gathered > self._now:
            self.hold(one, self._gathered, Reason("gather", False, "another alert has just left"))
        else:
            self.ready.append(one)

    def _comes(self, one: Waiting) -> bool:
        return comes_in_quiet(one.impact, self._reader.choices, corrects=one.corrects)

    def hold(self, one: Waiting, until: datetime, reason: Reason) -> None:
        """It waits, unless it would be no news any more by then."""
        waits = replace(reason, text=f"{reason.text}; waits until {self._clock(until)}")
        late = replace(reason, text=f"{reason.text}; no news any more at {self._clock(until)}")
        if until < one.expires_at:
            self.held[one.id] = until, waits
        elif self._reader.reads_digest:
            self.folded[one.id] = late
        else:
            self.dropped[one.id] = late

    def fold(self, one: Waiting, reason: Reason) -> None:
        """The next digest tells it; without one, it waits for the next morning."""
        if self._reader.reads_digest:
            self.folded[one.id] = reason
        else:
            self.hold(one, next_morning(self._reader.choices, self._reader.zone, self._now), reason)

    def keep_quiet(self, one: Waiting, until: datetime) -> None:
        reason = Reason("quiet", False, IN_QUIET)
        if self._reader.choices.in_quiet is InQuiet.FOLD and self._reader.reads_digest:
            self.folded[one.id] = reason
        else:
            self.hold(one, until, reason)

    def stand_behind(self, one: Waiting, other: Waiting) -> None:
        """Another alert of the same story goes before it."""
        if other.corrects:
            self.fold(one, Reason("same", False, "a correction of this story goes before it"))
        else:
            self.dropped[one.id] = Reason("same", False, REPLACED)

    def share(self, one: Waiting, newer: Waiting) -> None:
        """What is told beside another one is held and folded with it."""
        if one.id in self.held:
            self.held[newer.id] = self.held[one.id]
        elif one.id in self.folded:
            self.folded[newer.id] = self.folded[one.id]

    def _clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._reader.zone):%H:%M on %A}"


def _one_each(alive: Iterable[Waiting], fates: _Fates) -> list[tuple[Waiting, Waiting | None]]:
    """One alert of each story: a correction before any other, then the newest; and what is told beside it.

    The older news stands in the newest; a correction, and what is news beside one, is told later. An
    alert of the editors keeps its line: newer facts that met a rule are told beside it.
    """
    chosen: dict[int, tuple[Waiting, Waiting | None]] = {}
    for one in sorted(alive, key=lambda one: (one.corrects, one.decided_at, one.id)):
        lead, newer = chosen.get(one.story_id, (None, None))
        keeps = lead if lead and lead.by_editors and not (one.by_editors or one.corrects) else None
        for other in (lead, newer):
            if other and other is not keeps:
                fates.stand_behind(other, one)
        chosen[one.story_id] = (keeps, one) if keeps else (one, None)
    return list(chosen.values())


def _with(one: Waiting, newer: Waiting | None) -> Waiting:
    """As it is decided on: by the newer facts, as long as it is news itself."""
    return replace(newer, id=one.id, expires_at=min(one.expires_at, newer.expires_at)) if newer else one


def _rest(one: Waiting, reader: Reader, limits: Limits, now: datetime) -> str | None:
    """Why an alert that left before keeps this one back; corrections come all the same."""
    if one.corrects:
        return None
    for mailed in reader.mailed:
        if one.story_id in mailed.story_ids and now < mailed.at + limits.story_rest:
            return f"an alert of this story came less than {hours(limits.story_rest)} ago"
        if one.companies & mailed.companies and now < mailed.at + limits.company_rest:
            named = ", ".join(one.names.get(key, key) for key in sorted(one.companies & mailed.companies))
            return f"an alert about {named} came less than {hours(limits.company_rest)} ago"
    return None


def _used_up(reader: Reader) -> str | None:
    """Why no alert may leave on this day of the reader's any more."""
    most = reader.choices.mails_a_day
    if reader.mails_today + reader.kept < most:
        return None
    kept = ", and a place kept for your digest" if reader.kept else ""
    return f"{count(reader.mails_today, 'mail')} today{kept}: you chose {most} at most"


def comes_in_quiet(impact: Impact | None, choices: AlertChoices, *, corrects: bool) -> bool:
    """Whether a story with that label comes in the quiet; a correction can wait."""
    return choices.in_quiet is InQuiet.HIGHEST and impact in HIGHEST and not corrects
