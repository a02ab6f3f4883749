"""Why an alert of a story reached a reader, or did not: every rule passed and failed, and what came of it.

Told of the story's newest revision, and of every alert of the story. What was decided for the reader
stands in the rows; what never came up for them is judged once more, by the functions that decide.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alerts.aim import within
from newsletter.alerts.explanation import AlertExplanation, RuleAsked, clock
from newsletter.alerts.known import known
from newsletter.alerts.leading import A_DAY, muted
from newsletter.alerts.led import Led, open_issues
from newsletter.alerts.looking import news_of, wrong_up_to
from newsletter.alerts.matching import News, judge
from newsletter.alerts.names import names_of
from newsletter.alerts.newness import Newsworthy, is_news, says_as_much
from newsletter.alerts.past import news_of_late
from newsletter.alerts.pieces import alert_limits
from newsletter.alerts.spared import spared
from newsletter.alerts.wording import words
from newsletter.judging import Reason
from newsletter.memory import Told
from newsletter.models import Alert, AlertReader, Delivery, Story
from newsletter.models.alert import AlertKind, AlertReaderState, AlertState
from newsletter.models.delivery import DeliveryKind
from newsletter.outbox import fate
from newsletter.site import AlertSpec, Site
from subscribers import roster
from subscribers.alert_models import AlertRuleRecord, Watch
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber
from subscribers.watching import choices_of, watches_of


def explain(
    session: Session, subscriber: Subscriber, story: Story, site: Site, *, now: datetime
) -> list[AlertExplanation]:
    """Each alert of the story, the newest first, and before them its newest revision if that became none.

    Empty for a reader who has nothing to do with alerts, and where there are none.
    """
    spec = site.alerts
    held = watches_of(session, subscriber.id)
    rows = _rows(session, subscriber, story)
    if spec is None or not (held or rows or subscriber.state(spec.slug)):
        return []
    stopped = _stopped(session, held, rows.values())
    names = names_of(session, site, (*(watch.rule_record.rule for watch in held), *stopped.values()))
    ask = _Questions(session, subscriber, story, spec, held, stopped, names, rows, now)
    alerts = session.scalars(select(Alert).where(Alert.story_id == story.id).order_by(Alert.id.desc())).all()
    found = [_explain(ask, alert, rows.get(alert.id)) for alert in alerts]
    if any(alert.revision == story.revision for alert in alerts):
        return found
    return [_unalerted(ask), *found]


def _rows(session: Session, subscriber: Subscriber, story: Story) -> dict[int, AlertReader]:
    """The reader's part in alerts of the story, by alert."""
    mine = (AlertReader.subscriber_id == subscriber.id, AlertReader.story_id == story.id)
    rows = session.scalars(select(AlertReader).where(*mine))
    return {row.alert_id: row for row in rows if row.alert_id}


def _stopped(session: Session, held: Sequence[Watch], rows: Iterable[AlertReader]) -> dict[int, AlertRule]:
    """The rules that fired and that the reader holds no more, as far as they are kept."""
    fired = {rule_id for row in rows for rule_id in row.rules} - {watch.rule_id for watch in held}
    records = session.scalars(select(AlertRuleRecord).where(AlertRuleRecord.id.in_(fired)))
    return {record.id: record.rule for record in records} if fired else {}


@dataclass(frozen=True)
class _Questions:
    """One reader and one story, to be asked about."""

    session: Session
    subscriber: Subscriber
    story: Story
    spec: AlertSpec
    watches: Sequence[Watch]
    #: rules of theirs that fired, and that they hold no more
    stopped: Mapping[int, AlertRule]
    names: Mapping[str, str]
    #: the reader's part in alerts of the story, by alert
    rows: Mapping[int, AlertReader]
    now: datetime

    def news(self, revision: int) -> News:
        return news_of(self.session, {self.story.id: revision})[self.story.id]

    def rules(self, news: News, row: AlertReader | None = None) -> tuple[RuleAsked, ...]:
        """Each of the reader's rules, asked of the revision. Those that fired in the `row` did so, whatever
        became of them since."""
        fired = row.rules if row else ()
        return (
            *(self._asked(watch, news, fired=watch.rule_id in fired) for watch in self.watches),
            *(self._gone(rule_id, news) for rule_id in fired if rule_id in self.stopped),
        )

    def _gone(self, rule_id: int, news: News) -> RuleAsked:
        rule = self.stopped[rule_id]
        since = Reason("stopped", True, "met then; they have stopped it since")
        reasons = (since, *judge(rule, news, leads=lambda: True))
        return RuleAsked(rule_id, words(rule, self.names), reasons)

    def _asked(self, watch: Watch, news: News, *, fired: bool) -> RuleAsked:
        rule, bars = watch.rule_record.rule, () if fired else _bars(watch, news)
        reasons = (*bars, *judge(rule, news, leads=lambda: fired or self._led(news)))
        return RuleAsked(watch.rule_id, words(rule, self.names), reasons)

    def _led(self, news: News) -> bool:
        past, since = news_of_late(self.session, (), now=news.seen_at), news.seen_at - A_DAY
        return Led(self.subscriber.lens, past, open_issues(self.session, since=since))(news)

    def waited(self, news: News, at: datetime) -> Iterator[Reason]:
        """Whether what waited for the reader at that moment said as much."""
        met = {asked.rule_id for asked in self.rules(news) if asked.met}
        for alert_id, awaited in self._awaited(news, at):
            fired = self.rows[alert_id].rules
            if says_as_much(awaited, news) and (not fired or met.intersection(fired)):
                yield Reason("waits", False, f"alert {alert_id} waited for them, and said as much")

    def _awaited(self, news: News, at: datetime) -> Iterator[tuple[int, Told]]:
        """What waited for the reader at that moment, of an older revision than the news."""
        for alert_id, row in self.rows.items():
            ended = row.mailed_at or row.due_at
            waited = row.decided_at < at and (row.state == AlertReaderState.WAITING or ended > at)
            if waited and row.alert and row.alert.revision < news.revision:
                content = self.news(row.alert.revision).content
                yield alert_id, Told(row.alert.revision, content, row.decided_at)

    def newsworthy(self, news: News, at: datetime) -> Newsworthy:
        """Whether it was news to the reader, by what they knew at that moment."""
        reader = self.subscriber
        knew = known(self.session, news.story_id, [reader.id], before=at).get(reader.id)
        stories = roster.muted_stories(self.session, [news.story_id], subscriber_id=reader.id)
        silent = "muted this story" if stories else muted(reader.lens, news)
        waits = any(self._awaited(news, at))
        return is_news(news, knew, alert_limits(self.spec), muted=silent, waits=waits)

    def receives(self, row: AlertReader | None = None) -> Reason:
        """Whether they receive alerts; to whom one came, it was to come."""
        if row:
            return Reason("reader", True, "received alerts when it came up")
        reader = self.subscriber.id
        found = roster.recipients(self.session, [reader], self.spec.slug, now=self.now)[reader]
        if isinstance(found, str):
            return Reason("reader", False, f"no alert goes to them now: {found}")
        return Reason("reader", True, "receives alerts")

    def is_meant(self, alert: Alert) -> tuple[Reason, Reason]:
        """Whether the editors mean the reader, and may."""
        reader = self.subscriber.id
        hit = self.session.scalar(select(Subscriber.id).where(Subscriber.id == reader, within(alert)))
        wants = choices_of(self.session, [reader])[reader].from_editors
        return (
            Reason("aim", bool(hit), "within its aim" if hit else "not within its aim"),
            Reason("editors", wants, f"wants {'' if wants else 'no '}alerts of the editors' choosing"),
        )

    def mail(self, row: AlertReader) -> str | None:
        delivery = self.session.scalar(
            select(Delivery).where(
                Delivery.kind == DeliveryKind.ALERT,
                Delivery.occasion_id == row.edition_id,
                Delivery.subscriber_id == row.subscriber_id,
            )
        )
        return fate(delivery) if delivery else None


def _unalerted(ask: _Questions) -> AlertExplanation:
    """The newest revision, which became no alert."""
    news = ask.news(ask.story.revision)
    found, rules = ask.newsworthy(news, news.seen_at), ask.rules(news)
    return AlertExplanation(
        kind=AlertKind.RULES,
        alert_id=None,
        revision=news.revision,
        seen_at=news.seen_at,
        rules=rules,
        reasons=(ask.receives(), *found.reasons),
        changes=found.changes,
        state=None,
        outcome=_why_none(ask, news, is_met=any(asked.met for asked in rules)),
        mail=None,
    )


def _why_none(ask: _Questions, news: News, *, is_met: bool) -> str:
    if ask.story.watched < news.revision:
        return "not looked at yet: the next tick does"
    if news.revision <= wrong_up_to(ask.session, [news.story_id]).get(news.story_id, 0):
        return "no alert: a correction says that it is wrong"
    if is_met:
        return "no alert: it was too old when it was looked at, or brought out a fault of ours"
    return "no alert: it met none of their rules, nor anybody else's"


def _explain(ask: _Questions, alert: Alert, row: AlertReader | None) -> AlertExplanation:
    kind, news = AlertKind(alert.kind), ask.news(alert.revision)
    reasons, decided_at = [ask.receives(row)], row.decided_at if row else alert.made_at
    changes: tuple[str, ...] = tuple(row.changes) if row else ()
    if kind is AlertKind.EDITORS:
        reasons += ask.is_meant(alert)
    if kind is not AlertKind.CORRECTION:
        found = ask.newsworthy(news, decided_at)
        reasons += found.reasons
    if kind is AlertKind.RULES and not row:
        reasons += ask.waited(news, decided_at)
        changes = changes or found.changes
    if row:
        reasons += spared(row, alert, alert_limits(ask.spec))
    return AlertExplanation(
        kind=kind,
        alert_id=alert.id,
        revision=alert.revision,
        seen_at=news.seen_at,
        rules=ask.rules(news, row) if kind is AlertKind.RULES else (),
        reasons=tuple(reasons),
        changes=changes,
        state=AlertReaderState(row.state) if row else None,
        outcome=_outcome(alert, row, ask.subscriber.id),
        mail=ask.mail(row) if row else None,
    )


def _bars(watch: Watch, news: News) -> Iterator[Reason]:
    """What bars the rule whatever it says."""
    if watch.made_at > news.seen_at:
        yield Reason("held", False, f"held since {clock(watch.made_at)}, after this revision came in")
    if watch.paused_until and watch.paused_until > news.seen_at:
        yield Reason("paused", False, f"paused until {clock(watch.paused_until)}")


def _outcome(alert: Alert, row: AlertReader | None, subscriber_id: int) -> str:
    """What became of the alert for the reader."""
    if row is None:
        if alert.state == AlertState.SPREADING and alert.reached < subscriber_id:
            return "its readers are being decided on"
        if alert.state not in (AlertState.SPREADING, AlertState.SPREAD):
            return f"it has not come up for them; it is {alert.state}: {alert.reason or 'as yet'}"
        if alert.kind == AlertKind.CORRECTION:
            return "not for them: no alert told them what was wrong, or they heard of it by other means"
        return "not for them: see what failed"
    when = {
        AlertReaderState.WAITING: f", due {clock(row.due_at)}",
        AlertReaderState.MAILED: f" {clock(row.mailed_at or row.due_at)}",
    }.get(AlertReaderState(row.state), "")
    return f"{row.state}{when}" + (f": {row.reason}" if row.reason else "")
