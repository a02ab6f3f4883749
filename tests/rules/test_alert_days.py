"""One reader's alerts over many days: no promise about mails is broken, and nothing is lost."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.alerts.quiet import day_of, quiet_until
from newsletter.alerts.sparing import MOST_STORIES, Disposal, Limits, Mailed, Reader, Waiting, dispose
from newsletter.content import Impact
from subscribers.alert_choices import AlertChoices, InQuiet

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HIGH = (Impact.ADVANCE, Impact.DELAY)

choices_made = st.builds(
    AlertChoices,
    quiet_from=st.integers(0, 23),
    quiet_until=st.integers(0, 23),
    quiet_days=st.frozensets(st.integers(0, 6), max_size=6),
    in_quiet=st.sampled_from(InQuiet),
    mails_a_day=st.integers(1, 4),
)
limits_set = st.builds(
    Limits,
    life=st.integers(1, 72).map(lambda hours: hours * HOUR),
    fresh=st.just(72 * HOUR),
    story_rest=st.integers(0, 36).map(lambda hours: hours * HOUR),
    company_rest=st.integers(0, 12).map(lambda hours: hours * HOUR),
    gather=st.integers(0, 240).map(lambda minutes: minutes * MINUTE),
    whole=st.just(3),
)
zones = st.sampled_from(("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Apia")).map(
    ZoneInfo
)
#: the week in which the clocks of Paris change
BEGINNING = datetime(2026, 3, 26, tzinfo=UTC)
arrivals = st.lists(
    st.builds(
        Waiting,
        id=st.just(0),
        story_id=st.integers(1, 6),
        companies=st.frozensets(st.sampled_from("abcd"), max_size=2),
        impact=st.sampled_from((*Impact, None)),
        outlets=st.integers(1, 9),
        decided_at=st.integers(0, 5 * 24 * 60).map(lambda minutes: BEGINNING + minutes * MINUTE),
        expires_at=st.just(BEGINNING),
        corrects=st.integers(0, 9).map(lambda chance: chance == 0),
        by_editors=st.integers(0, 5).map(lambda chance: chance == 0),
    ),
    min_size=4,
    max_size=40,
)


def numbered(arrivals: list[Waiting], limits: Limits) -> list[Waiting]:
    """The alerts in the order in which they come up, each with its own id and life."""
    ordered = sorted(arrivals, key=lambda one: one.decided_at)
    return [
        replace(one, id=number, expires_at=one.decided_at + limits.life) for number, one in enumerate(ordered)
    ]


@dataclass
class Days:
    """One reader's alerts over days: strikes whenever something is due, as the mailing does."""

    choices: AlertChoices
    zone: ZoneInfo
    reads_digest: bool
    limits: Limits
    waiting: dict[int, Waiting] = field(default_factory=dict)
    due: dict[int, datetime] = field(default_factory=dict)
    mails: list[tuple[datetime, list[Waiting]]] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)

    def reader(self, now: datetime) -> Reader:
        begin, end = day_of(self.zone, now)
        today = sum(begin <= at < end for at, _ in self.mails)
        mailed = [
            Mailed(
                at,
                frozenset(one.story_id for one in told),
                frozenset[str]().union(*(o.companies for o in told)),
            )
            for at, told in self.mails
        ]
        return Reader(self.choices, self.zone, self.reads_digest, today, mailed)

    def strike(self, now: datetime) -> None:
        disposal = dispose(list(self.waiting.values()), self.reader(now), self.limits, now=now)
        kinds = (disposal.mail, disposal.beside, disposal.held, disposal.folded, disposal.dropped)
        assert sorted(key for kind in kinds for key in kind) == sorted(self.waiting)
        if disposal.mail:
            self.check(now, [self.waiting[key] for key in disposal.mail], self.newer(disposal))
            told = [self.waiting[key] for key in (*disposal.mail, *disposal.beside)]
            self.mails.append((now, told))
        for key, (until, _) in disposal.held.items():
            assert now < until < self.waiting[key].expires_at
            self.due[key] = until
        assert self.reads_digest or not disposal.folded
        for name, ids in (
            ("mailed", (*disposal.mail, *disposal.beside)),
            ("folded", disposal.folded),
            ("dropped", disposal.dropped),
        ):
            for key in ids:
                self.outcomes[key] = name
                del self.waiting[key], self.due[key]

    def pass_time(self, until: datetime) -> int:
        """Do all that is due before `until`; how often something was."""
        strikes = 0
        while self.due and (now := min(self.due.values())) < until:
            self.strike(now)
            strikes += 1
        return strikes

    def newer(self, disposal: Disposal) -> dict[int, Waiting]:
        """Which newer facts are told beside an alert."""
        found = {lead: self.waiting[key] for key, lead in disposal.beside.items()}
        for key, one in found.items():
            lead = self.waiting[key]
            assert (lead.by_editors, one.by_editors, lead.story_id) == (True, False, one.story_id)
            assert lead.decided_at <= one.decided_at
        return found

    def check(self, now: datetime, told: list[Waiting], newer: dict[int, Waiting]) -> None:
        """Every promise about a mail, said once more in its own way; by the newest facts of each story."""
        stories = [one.story_id for one in told]
        assert len(set(stories)) == len(stories) <= MOST_STORIES
        assert all(now < one.expires_at for one in (*told, *newer.values()))
        mail = [newer.get(one.id, one) for one in told]
        if quiet_until(self.choices, self.zone, now):
            assert self.choices.in_quiet is InQuiet.HIGHEST
            assert all(one.impact in HIGH and not one.corrects for one in mail)
        begin, end = day_of(self.zone, now)
        assert sum(begin <= at < end for at, _ in self.mails) < self.choices.mails_a_day
        for at, told in self.mails:
            assert now - at >= self.limits.gather
            for one in (one for one in mail if not one.corrects):
                assert now - at >= self.limits.story_rest or one.story_id not in {o.story_id for o in told}
                rested = now - at >= self.limits.company_rest
                assert rested or not any(one.companies & other.companies for other in told)


@settings(max_examples=150)
@given(choices_made, zones, st.booleans(), limits_set, arrivals)
def test_over_days_no_promise_is_broken_and_nothing_is_lost(
    choices: AlertChoices,
    zone: ZoneInfo,
    reads_digest: bool,
    limits: Limits,
    arrivals: list[Waiting],
) -> None:
    """Whatever comes in: no mail in quiet, beyond the budget, too soon, or twice; and each alert ends.

    It ends before its life does, in just one way, and what is held is looked at a few times only.
    """
    days = Days(choices, zone, reads_digest, limits)
    strikes = 0
    for one in numbered(arrivals, limits):
        strikes += days.pass_time(one.decided_at)
        days.waiting[one.id] = one
        days.due[one.id] = one.decided_at
    strikes += days.pass_time(BEGINNING + timedelta(days=30))
    assert sorted(days.outcomes) == list(range(len(arrivals)))
    assert strikes <= 8 * len(arrivals)


@given(choices_made, zones, st.booleans(), limits_set, arrivals, st.randoms(use_true_random=False))
def test_the_order_in_which_alerts_are_read_changes_nothing(
    choices: AlertChoices,
    zone: ZoneInfo,
    reads_digest: bool,
    limits: Limits,
    arrivals: list[Waiting],
    chance: Random,
) -> None:
    """The same alerts at the same moment come to the same end, in whatever order a database gives them."""
    now = BEGINNING + timedelta(days=3)
    rows = [one for one in numbered(arrivals, limits) if one.decided_at <= now]
    of = Reader(choices, zone, reads_digest, 0, [Mailed(now - HOUR, frozenset({1}), frozenset("a"))])
    shuffled = chance.sample(rows, len(rows))
    assert dispose(shuffled, of, limits, now=now) == dispose(rows, of, limits, now=now)
