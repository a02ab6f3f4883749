"""What the pages about alerts show: the reader's rules in words, and what rules would have sent of late."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import suggestions
from newsletter.alerts.looking_back import LookedAt, LookedBack, look_back
from newsletter.alerts.names import names_of
from newsletter.alerts.past import LATELY, past_of, reader_of
from newsletter.alerts.pieces import alert_limits
from newsletter.alerts.wording import choices_in_words
from newsletter.models import AlertReader
from newsletter.models.alert import AlertReaderState
from newsletter.rendering.dates import in_words
from newsletter.rendering.typesetting import direction_of
from newsletter.site import AlertSpec, Site
from newsletter.web.alerts_form import RuleForm
from newsletter.web.preferences_view import about, boxes, in_a_sentence, moment_in_words
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber, SubscriptionState
from subscribers.watching import choices_of, watches_of

#: alerts that a look back spells out
SHOWN = 8


@dataclass(frozen=True)
class Held:
    """A rule that the reader holds, ready to be read."""

    #: the rule's
    id: int
    rule: AlertRule
    words: str
    since: str
    #: None where it is not paused
    paused_until: str | None
    #: alerts by it in the last 30 days
    told: int


@dataclass(frozen=True)
class View:
    """All that the pages show beside the forms' own fields."""

    now: datetime
    subscriber: Subscriber
    spec: AlertSpec
    #: of the subscription to the alerts
    state: SubscriptionState | None
    paused_until: str | None
    held: tuple[Held, ...]
    choices: AlertChoices
    #: those that are suggested
    companies: tuple[str, ...]
    #: term → how it is written
    names: Mapping[str, str]

    @property
    def choices_in_words(self) -> tuple[str, ...]:
        return choices_in_words(self.choices)

    def words(self, field: str, chosen: Collection[str]) -> list[tuple[str, bool]]:
        """The boxes of a field, and whether they are ticked."""
        return boxes(chosen, self.companies if field == "companies" else ())

    def find(self, rule_id: int) -> Held | None:
        return next((held for held in self.held if held.id == rule_id), None)

    def form_of(self, held: Held, site: Site) -> RuleForm:
        return RuleForm.of(held.rule, self.names, site)


def view(session: Session, subscriber: Subscriber, site: Site, spec: AlertSpec, *, now: datetime) -> View:
    """The alerts of this subscriber, as they are saved."""
    watches = watches_of(session, subscriber.id)
    names = names_of(session, site, [watch.rule_record.rule for watch in watches])
    told = _told(session, subscriber.id, now)
    own = next((each for each in subscriber.subscriptions if each.newsletter == spec.slug), None)

    def day(at: datetime) -> str:
        return in_words(at.astimezone(subscriber.rhythm.zone).date())

    def ahead(at: datetime | None) -> str | None:
        return day(at) if at and at > now else None

    return View(
        now=now,
        subscriber=subscriber,
        spec=spec,
        state=subscriber.state(spec.slug),
        paused_until=ahead(own.paused_until if own else None),
        held=tuple(
            Held(
                id=watch.rule_id,
                rule=watch.rule_record.rule,
                words=in_a_sentence(watch.rule_record.rule, names),
                since=day(watch.made_at),
                paused_until=ahead(watch.paused_until),
                told=told[watch.rule_id],
            )
            for watch in watches
        ),
        choices=choices_of(session, [subscriber.id])[subscriber.id],
        companies=tuple(suggestions.companies(session, now=now)),
        names=names,
    )


def _told(session: Session, subscriber_id: int, now: datetime) -> Counter[int]:
    """How many alerts each rule sent in the last 30 days."""
    rows = session.scalars(
        select(AlertReader.rules).where(
            AlertReader.subscriber_id == subscriber_id,
            AlertReader.state == AlertReaderState.MAILED,
            AlertReader.mailed_at > now - LATELY,
        )
    )
    return Counter(rule_id for rules in rows for rule_id in rules)


@dataclass(frozen=True)
class Line:
    """One alert as it would have been, ready to be read."""

    title: str
    language: str
    direction: str
    #: on the reader's clock
    when: str
    facts: tuple[str, ...]
    #: why it would not have come at once, or not at all
    spared: str | None


@dataclass(frozen=True)
class LateView:
    """What rules would have sent of late, ready to be read."""

    back: LookedBack
    #: with all other rules of the reader; None where they have no other
    together: LookedBack | None
    here: View

    @property
    def a_week(self) -> str:
        return _mails(self.back)

    @property
    def lately(self) -> str:
        """What was looked at: `the last 30 days`, or fewer while there are stories of fewer only."""
        return f"the last {self.back.days} days" if self.back.days > 1 else "the last day"

    @property
    def together_a_week(self) -> str | None:
        return _mails(self.together) if self.together else None

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(map(self._line, self.back.alerts[:SHOWN]))

    @property
    def more(self) -> int:
        """Alerts that are not spelled out."""
        return max(0, len(self.back.alerts) - SHOWN)

    @property
    def counts(self) -> tuple[str, ...]:
        """What became of them, in words."""
        found = {
            "told at once": self.back.of(AlertReaderState.MAILED) - self.back.held,
            "told later": self.back.held,
            "left to the next digest": self.back.of(AlertReaderState.FOLDED),
            "not told": self.back.of(AlertReaderState.DROPPED),
            "still waiting": self.back.of(AlertReaderState.WAITING),
        }
        return tuple(f"{number} {what}" for what, number in found.items() if number)

    def _line(self, alert: LookedAt) -> Line:
        content, zone = alert.news.content, self.here.subscriber.rhythm.zone
        facts = dict.fromkeys(fact for facts in alert.facts.values() for fact in facts)
        return Line(
            content.title,
            content.language,
            direction_of(content.language),
            moment_in_words(alert.mailed_at or alert.news.seen_at, zone),
            (*facts, *alert.changes),
            _fate(alert),
        )


def _fate(alert: LookedAt) -> str | None:
    if alert.spared is None:
        return None
    how = {
        AlertReaderState.WAITING: "Waits",
        AlertReaderState.MAILED: "Later",
        AlertReaderState.FOLDED: "Left to the next digest",
        AlertReaderState.DROPPED: "Not told",
    }
    return f"{how[alert.state]}: {alert.spared.text}"


def _mails(back: LookedBack) -> str:
    return f"{about(back.a_week, 'mail', 'mails')} a week" if back.mails else "no mail"


def lately(session: Session, here: View, rules: Iterable[AlertRule], without: int | None = None) -> LateView:
    """What `rules` would have sent; together with the other rules that the reader holds and has not paused.

    `without` is the number of the rule whose place they take.
    """
    tried = frozenset(rules)
    others = {held.rule for held in here.held if held.id != without and not held.paused_until} - tried
    past = past_of(session, here.subscriber, tried | others, now=here.now)
    reader = reader_of(session, here.subscriber, now=here.now)
    limits = alert_limits(here.spec)
    back = look_back(tried, past, reader, limits, now=here.now)
    together = look_back(tried | others, past, reader, limits, now=here.now) if others else None
    return LateView(back, together, here)
