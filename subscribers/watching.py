"""Which alert rules readers hold, and how they want to be alerted: hold, change, pause, stop, choose.

Whether anything is mailed is up to their subscription to the alerts, which nothing here touches. By what
a rule is found (its anchors) is said by whoever knows the stories.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from subscribers.alert_choices import AlertChoices
from subscribers.alert_models import AlertChoicesRecord, AlertRuleRecord, AlertTerm, Watch
from subscribers.alert_rule import AlertRule
from subscribers.among import among
from subscribers.enrolment import locked
from subscribers.models import Subscriber
from subscribers.unique import insert_new

#: rules that one reader may hold
MOST_RULES = 50

#: (kind, term), see `alert_models.AlertTerm`
Anchors = Iterable[tuple[str, str]]


class TooManyRules(ValueError):
    """A reader may hold no more alert rules than these: stop one, or widen one."""

    def __init__(self) -> None:
        super().__init__(
            f"You have {MOST_RULES} alerts already, and more than that are too many to look after: "
            "stop one of them, or widen one."
        )


def hold(
    session: Session, subscriber: Subscriber, rule: AlertRule, anchors: Anchors, *, now: datetime
) -> Watch:
    """Let the reader be alerted by the rule from now on; what they hold already goes on, be it paused.

    Raises TooManyRules.
    """
    locked(session, Subscriber.id == subscriber.id)
    rule_id = intern(session, rule, anchors)
    watch = watch_of(session, subscriber.id, rule_id)
    if watch is None:
        if _count(session, subscriber.id) >= MOST_RULES:
            raise TooManyRules
        watch = Watch(subscriber_id=subscriber.id, rule_id=rule_id, made_at=now)
        session.add(watch)
        session.flush()
    resume(watch)
    return watch


def change(session: Session, watch: Watch, rule: AlertRule, anchors: Anchors, *, now: datetime) -> Watch:
    """Put the rule in the place of the one that is watched; whoever held it already holds it once."""
    locked(session, Subscriber.id == watch.subscriber_id)
    rule_id = intern(session, rule, anchors)
    other = watch_of(session, watch.subscriber_id, rule_id)
    if other is watch:
        return watch
    if other is not None:
        stop(session, watch)
        return other
    watch.rule_id, watch.made_at = rule_id, now
    session.flush()
    session.expire(watch, ["rule_record"])
    return watch


def pause(watch: Watch, until: datetime) -> None:
    """No alert by this rule before `until`; then it goes on by itself."""
    watch.paused_until = until


def resume(watch: Watch) -> None:
    watch.paused_until = None


def stop(session: Session, watch: Watch) -> None:
    """Let the reader be alerted by this rule no more."""
    session.delete(watch)
    session.flush()


def watches_of(session: Session, subscriber_id: int) -> Sequence[Watch]:
    """The rules that the reader holds, paused ones too; the oldest first."""
    return session.scalars(select(Watch).where(Watch.subscriber_id == subscriber_id).order_by(Watch.id)).all()


def watch_of(session: Session, subscriber_id: int, rule_id: int) -> Watch | None:
    """That the reader holds this rule; None where they do not."""
    return session.scalars(
        select(Watch).where(Watch.subscriber_id == subscriber_id, Watch.rule_id == rule_id)
    ).one_or_none()


def choices_of(session: Session, subscriber_ids: Collection[int]) -> dict[int, AlertChoices]:
    """The choices of each of them; of those who made none, the usual ones."""
    found = dict.fromkeys(subscriber_ids, AlertChoices())
    made = select(AlertChoicesRecord).where(among(AlertChoicesRecord.subscriber_id, subscriber_ids))
    for record in session.scalars(made):
        found[record.subscriber_id] = record.choices
    return found


def choose(session: Session, subscriber_id: int, choices: AlertChoices) -> bool:
    """Keep how the reader wants to be alerted; True when that is another way than before."""
    locked(session, Subscriber.id == subscriber_id)
    if choices_of(session, [subscriber_id])[subscriber_id] == choices:
        return False
    session.merge(AlertChoicesRecord(**row_of(subscriber_id, choices)))
    session.flush()
    return True


def row_of(subscriber_id: int, choices: AlertChoices) -> dict[str, Any]:
    """The columns in which somebody's choices are kept."""
    days = sum(1 << day for day in choices.quiet_days)
    return {"subscriber_id": subscriber_id, **asdict(choices), "quiet_days": days}


def intern(session: Session, rule: AlertRule, anchors: Anchors) -> int:
    """The number of the one record of the rule, which is found by its anchors."""
    row = {
        "fingerprint": rule.fingerprint(),
        "definition": rule.definition(),
        "min_outlets": rule.min_outlets,
        "min_languages": rule.min_languages,
    }
    known = select(AlertRuleRecord.id).where(AlertRuleRecord.fingerprint == row["fingerprint"])
    rule_id = session.scalar(known)
    if rule_id is None:
        insert_new(session, AlertRuleRecord, [row])
        rule_id = session.scalars(known).one()
    terms = [{"kind": kind, "term": term, "rule_id": rule_id} for kind, term in sorted(set(anchors))]
    if terms:
        insert_new(session, AlertTerm, terms)
    return rule_id


def _count(session: Session, subscriber_id: int) -> int:
    held = select(func.count()).select_from(Watch).where(Watch.subscriber_id == subscriber_id)
    return session.scalar(held) or 0
