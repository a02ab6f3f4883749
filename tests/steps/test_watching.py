"""Which alert rules readers hold, and how they want to be alerted."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from newsletter.alerts.matching import anchors
from newsletter.store.engine import reading, writing
from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_models import AlertRuleRecord, AlertTerm, Watch
from subscribers.alert_rule import AlertRule
from subscribers.watching import (
    MOST_RULES,
    TooManyRules,
    change,
    choices_of,
    choose,
    hold,
    pause,
    stop,
    watches_of,
)
from tests.people import NOW, subscriber

RULE = AlertRule.of({"companies": ["Sample Lab", "Other Lab"]}, min_outlets=5)
OTHER = AlertRule.of({"audiences": ["Investors"]})
LATER = NOW + timedelta(days=1)


def test_a_rule_is_stored_once_for_all_who_hold_it(engine: Engine) -> None:
    """Equal rules share one record, found by the same terms, and saying it again adds nothing."""
    with writing(engine) as session:
        ann, bob = subscriber(session), subscriber(session)
        for reader in (ann, bob, ann):
            hold(session, reader, RULE, anchors(RULE), now=NOW)
        [record] = session.scalars(select(AlertRuleRecord)).all()
        assert (record.rule, record.min_outlets, record.min_languages) == (RULE, 5, 1)
        terms = session.execute(select(AlertTerm.kind, AlertTerm.term, AlertTerm.rule_id))
        assert set(terms) == {(kind, term, record.id) for kind, term in anchors(RULE)}
        assert [len(watches_of(session, reader.id)) for reader in (ann, bob)] == [1, 1]


def test_a_rule_is_changed_paused_and_stopped(engine: Engine) -> None:
    """A changed rule begins anew, two that become equal are one, and a stopped one is gone."""
    with writing(engine) as session:
        reader = subscriber(session)
        watch = hold(session, reader, RULE, anchors(RULE), now=NOW)
        changed = change(session, watch, OTHER, anchors(OTHER), now=LATER)
        assert (changed.rule_record.rule, changed.made_at) == (OTHER, LATER)
        second = hold(session, reader, RULE, anchors(RULE), now=NOW)
        assert change(session, second, OTHER, anchors(OTHER), now=LATER).id == changed.id
        assert [watch.id for watch in watches_of(session, reader.id)] == [changed.id]
        pause(changed, LATER)
        assert hold(session, reader, OTHER, anchors(OTHER), now=NOW).paused_until is None
        stop(session, changed)
        assert watches_of(session, reader.id) == []


def test_nobody_holds_more_rules_than_anyone_can_look_after(engine: Engine) -> None:
    """The one too many is refused, with what to do; one that is held already is no other."""
    with writing(engine) as session:
        reader = subscriber(session)
        rules = [AlertRule.of({}, min_outlets=outlets) for outlets in range(1, MOST_RULES + 2)]
        for rule in rules[:-1]:
            hold(session, reader, rule, anchors(rule), now=NOW)
        with pytest.raises(TooManyRules, match="stop one of them"):
            hold(session, reader, rules[-1], anchors(rules[-1]), now=NOW)
        hold(session, reader, rules[0], anchors(rules[0]), now=NOW)
        assert len(watches_of(session, reader.id)) == MOST_RULES


def test_two_at_once_hold_the_same_new_rule(engine: Engine) -> None:
    """Whoever comes second waits, and both hold the one record."""
    with writing(engine) as session:
        readers = [subscriber(session), subscriber(session)]
    barrier = threading.Barrier(2)
    faults: list[Exception] = []

    def one(number: int) -> None:
        barrier.wait()
        try:
            with writing(engine) as session:
                hold(session, session.merge(readers[number], load=False), RULE, anchors(RULE), now=NOW)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    with reading(engine) as session:
        assert session.scalar(select(func.count(Watch.rule_id.distinct()))) == 1
        assert session.scalar(select(func.count(Watch.id))) == 2


def test_choices_are_kept_as_they_were_made(engine: Engine) -> None:
    """Whoever chose nothing has the usual choices; a choice replaces the one before, of its reader alone."""
    mine = AlertChoices(23, 6, frozenset({5, 6}), InQuiet.FOLD, Afterwards.NOTHING, 1, from_editors=False)
    with writing(engine) as session:
        ann, bob = subscriber(session), subscriber(session)
        assert choose(session, ann.id, AlertChoices(mails_a_day=7))
        assert choose(session, ann.id, mine)
        assert not choose(session, ann.id, mine)
        assert choices_of(session, [ann.id, bob.id]) == {ann.id: mine, bob.id: AlertChoices()}
