"""The command `alerts try`: what rules would have sent in the last 30 days. Nothing is written."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from newsletter.alerts.looking_back import LookedAt, LookedBack, look_back
from newsletter.alerts.names import names_of
from newsletter.alerts.past import past_of, reader_of
from newsletter.alerts.phrases import count
from newsletter.alerts.pieces import alert_limits
from newsletter.alerts.sparing import Reader
from newsletter.alerts.wording import words
from newsletter.cli.alerts import alerts_of
from newsletter.cli.alerts_rule import (
    Audiences,
    Companies,
    Fast,
    Impacts,
    Languages,
    Leads,
    Outlets,
    Topics,
    Words,
    read_rule,
)
from newsletter.cli.services import ready
from newsletter.cli.subscribers import find_subscriber
from newsletter.cli.terminal import At, Json, fail, moment, say, show_json, show_table
from newsletter.models.alert import AlertReaderState
from newsletter.store.engine import reading
from newsletter.wiring import Services
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber
from subscribers.watching import watches_of

#: alerts that are listed for people, the newest
LISTED = 15


def try_(
    email: Annotated[
        str | None, typer.Argument(metavar="EMAIL", help="As this reader; else one who chose nothing.")
    ] = None,
    company: Companies = None,
    audience: Audiences = None,
    topic: Topics = None,
    word: Words = None,
    impact: Impacts = None,
    outlets: Outlets = 1,
    languages: Languages = 1,
    fast: Fast = None,
    leads: Leads = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Say what a rule would have sent in the last 30 days; without a rule, those that the reader holds.

    Quiet hours, rests, the budget and what digests told are kept to as on any other day.
    """
    services = ready()
    conditions = (company, audience, topic, word, impact, outlets > 1, languages > 1, fast, leads)
    with reading(services.engine) as session:
        subscriber = find_subscriber(session, email) if email else None
        if any(conditions) or subscriber is None:
            rules = [
                read_rule(services, company, audience, topic, word, impact, outlets, languages, fast, leads)
            ]
        else:
            rules = [watch.rule_record.rule for watch in watches_of(session, subscriber.id)]
            if not rules:
                fail(f"{email} holds no alert rule: say what one should ask for, such as --company")
        names = names_of(session, services.site, rules)
        found = _look_back(session, services, subscriber, rules, moment(at))
    if as_json:
        show_json(_document(found, rules, names))
    else:
        _show(found, rules, names)


def _look_back(
    session: Session,
    services: Services,
    subscriber: Subscriber | None,
    rules: Collection[AlertRule],
    now: datetime,
) -> LookedBack:
    if subscriber is None:
        reader = Reader(AlertChoices(), ZoneInfo("UTC"), reads_digest=True, mails_today=0)
    else:
        reader = reader_of(session, subscriber, now=now)
    past = past_of(session, subscriber, rules, now=now)
    return look_back(rules, past, reader, alert_limits(alerts_of(services)), now=now)


def _document(found: LookedBack, rules: Collection[AlertRule], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "rules": [words(rule, names) for rule in rules],
        "mails": found.mails,
        "mails_a_week": round(found.a_week, 2),
        "held": found.held,
        "folded": found.of(AlertReaderState.FOLDED),
        "dropped": found.of(AlertReaderState.DROPPED),
        "alerts": [
            {
                "story": alert.news.story_id,
                "revision": alert.news.revision,
                "title": alert.news.content.title,
                "seen_at": alert.news.seen_at.isoformat(timespec="seconds"),
                "mailed_at": alert.mailed_at and alert.mailed_at.isoformat(timespec="seconds"),
                "facts": _facts(alert),
                "spared": alert.spared and alert.spared.text,
            }
            for alert in found.alerts
        ],
    }


def _facts(alert: LookedAt) -> list[str]:
    """By which facts it met the rules, and what was new to a reader who knew of it."""
    met = (fact for facts in alert.facts.values() for fact in facts)
    return list(dict.fromkeys((*met, *alert.changes)))


def _show(found: LookedBack, rules: Collection[AlertRule], names: Mapping[str, str]) -> None:
    for rule in rules:
        say(words(rule, names))
    say(
        f"in the last 30 days: {count(len(found.alerts), 'alert')} in {count(found.mails, 'mail')}, "
        f"{found.a_week:.1f} a week; {found.held} held for a while, "
        f"{found.of(AlertReaderState.FOLDED)} left to the next digest, "
        f"{found.of(AlertReaderState.DROPPED)} not told"
    )
    rows = [
        (
            f"{alert.news.seen_at:%m-%d %H:%M}",
            alert.news.content.title,
            alert.spared.text if alert.spared else "; ".join(_facts(alert)),
        )
        for alert in found.alerts[:LISTED]
    ]
    show_table(("seen", "story", "by which facts, or why not at once"), rows, empty="no story met it")
    if len(found.alerts) > LISTED:
        say(f"and {len(found.alerts) - LISTED} older ones; --json tells all")
