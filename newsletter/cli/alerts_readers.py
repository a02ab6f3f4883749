"""Commands about readers' own alerts: the rules that they hold, and how they want to be alerted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from newsletter.alerts.matching import anchors
from newsletter.alerts.names import names_of
from newsletter.alerts.wording import choices_in_words, words
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
from newsletter.cli.subscribers import Confirmed, Source, find_subscriber, require_attestation
from newsletter.cli.terminal import At, Json, fail, moment, say, show_json, show_table
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent, roster, watching
from subscribers.address import parse
from subscribers.alert_choices import MOST_MAILS, Afterwards, InQuiet
from subscribers.alert_models import Watch
from subscribers.consent import Attested, Channel
from subscribers.models import Subscriber, SubscriptionState
from subscribers.rhythm import parse_hour, parse_weekdays

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The reader's address.")]
RuleNumber = Annotated[
    int, typer.Argument(metavar="RULE", help="Its number, as `newsletter alerts rules EMAIL` shows it.")
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Such as 2026-12-01, in UTC; without it, for a week.")
]
Quiet = Annotated[
    str | None, typer.Option(metavar="H-H", help="Hours in their zone, such as 22-7; 'none' for none.")
]
QuietDays = Annotated[
    str | None, typer.Option(metavar="DAYS", help="Whole days of quiet, such as sat,sun; 'none' for none.")
]
Then = Annotated[
    InQuiet | None,
    typer.Option(help="An alert in the quiet: hold it, fold it, or let only the highest impact through."),
]
After = Annotated[
    Afterwards | None, typer.Option(help="What the next digest says of a story that an alert told.")
]
Mails = Annotated[
    int | None, typer.Option(metavar="N", help=f"Digests and alerts of a day, 1 to {MOST_MAILS}.")
]
FromEditors = Annotated[
    bool | None, typer.Option("--from-editors/--no-from-editors", help="Whether editors may alert them, too.")
]
WEEK = timedelta(days=7)


def rules(email: Email, as_json: Json = False) -> None:
    """List a reader's alert rules, in words, and how they want to be alerted."""
    services = ready()
    with reading(services.engine) as session:
        subscriber = find_subscriber(session, email)
        held = watching.watches_of(session, subscriber.id)
        names = names_of(session, services.site, [watch.rule_record.rule for watch in held])
        facts = [_facts(watch, names) for watch in held]
        choices = watching.choices_of(session, [subscriber.id])[subscriber.id]
        barred = _barred(session, services, subscriber)
    said = choices_in_words(choices)
    if as_json:
        show_json({"rules": facts, "choices": list(said), "mailed": barred is None, "barred": barred})
        return
    rows = [(fact["rule"], fact["words"], fact["paused_until"]) for fact in facts]
    show_table(("rule", "alerted of", "paused until"), rows, empty="no alert rules yet")
    for line in said:
        say(line)
    if barred:
        say(f"no alert goes to them: {barred}")


def add(
    email: Email,
    company: Companies = None,
    audience: Audiences = None,
    topic: Topics = None,
    word: Words = None,
    impact: Impacts = None,
    outlets: Outlets = 1,
    languages: Languages = 1,
    fast: Fast = None,
    leads: Leads = False,
    confirmed: Confirmed = False,
    source: Source = None,
    at: At = None,
) -> None:
    """Let a reader be alerted by a rule. Kinds of interest narrow each other; of a kind, one is enough.

    They must have confirmed the alerts, or somebody attests it with --confirmed --source. It is
    asked of stories that come in or change from now on. A rule that they hold already goes on, and is
    paused no more.
    """
    services = ready()
    require_attestation(confirmed, source)
    rule = read_rule(services, company, audience, topic, word, impact, outlets, languages, fast, leads)
    now = moment(at)
    with writing(services.engine) as session:
        if source:
            _attest(session, services, email, source, now)
        subscriber = find_subscriber(session, email)
        slug = alerts_of(services).slug
        if subscriber.state(slug) != SubscriptionState.CONFIRMED:
            fail(
                f"{email} has not confirmed the alerts: `newsletter subscribers add {email} "
                f"--newsletter {slug}` asks them; or attest it with --confirmed --source TEXT"
            )
        watch = watching.hold(session, subscriber, rule, anchors(rule), now=now)
        say(f"rule {watch.rule_id}: {words(rule, names_of(session, services.site, [rule]))}")


def _attest(session: Session, services: Services, email: str, source: str, now: datetime) -> None:
    address, slug = parse(email), alerts_of(services).slug
    known = roster.find(session, address.mailbox)
    outcome = consent.attest(
        session,
        address,
        [slug],
        # who is known keeps their own
        rhythm=None if known else services.site.usual_rhythm(slug),
        source=source,
        channel=Channel.COMMAND,
        fingerprints=services.fingerprints,
        now=now,
    )
    if outcome is Attested.KEPT_OUT:
        because = consent.kept_out_because(session, address, [slug], services.fingerprints)
        raise LookupError(f"{email} is kept out, {because}: only they can come back, by the form")


def pause(email: Email, rule: RuleNumber, until: Until = None) -> None:
    """No alert by this rule until a time; then it goes on by itself."""
    now = moment(None)
    end = moment(until) if until else now + WEEK
    if end <= now:
        fail(f"{until} is not ahead: name a later time, or end the pause with `newsletter alerts resume`")
    with writing(ready().engine) as session:
        watching.pause(_watch(session, email, rule), end)
    say(f"rule {rule} is paused until {end:%Y-%m-%d %H:%M} UTC")


def resume(email: Email, rule: RuleNumber) -> None:
    """End the pause of a rule."""
    with writing(ready().engine) as session:
        watching.resume(_watch(session, email, rule))
    say(f"rule {rule} goes on")


def stop(email: Email, rule: RuleNumber) -> None:
    """Let a reader be alerted by this rule no more."""
    services = ready()
    with writing(services.engine) as session:
        watch = _watch(session, email, rule)
        held = watch.rule_record.rule
        told = words(held, names_of(session, services.site, [held]))
        watching.stop(session, watch)
    say(f"rule {rule} is stopped: {told}")


def choose(
    email: Email,
    quiet: Quiet = None,
    quiet_days: QuietDays = None,
    in_quiet: Then = None,
    afterwards: After = None,
    mails_a_day: Mails = None,
    from_editors: FromEditors = None,
) -> None:
    """Say when a reader wants quiet, and how much mail a day. What is not given stays as it was."""
    services = ready()
    given: dict[str, Any] = {
        **_hours(quiet),
        "quiet_days": None if quiet_days is None else _days(quiet_days),
        "in_quiet": in_quiet,
        "afterwards": afterwards,
        "mails_a_day": mails_a_day,
        "from_editors": from_editors,
    }
    with writing(services.engine) as session:
        subscriber = find_subscriber(session, email)
        choices = watching.choices_of(session, [subscriber.id])[subscriber.id]
        choices = replace(choices, **{name: value for name, value in given.items() if value is not None})
        watching.choose(session, subscriber.id, choices)
    for line in choices_in_words(choices):
        say(line)


def _hours(text: str | None) -> dict[str, int]:
    if text is None:
        return {}
    if text == "none":
        return {"quiet_from": 0, "quiet_until": 0}
    begin, dash, end = text.partition("-")
    if not dash:
        raise typer.BadParameter(f"--quiet {text}: write two hours, as in 22-7, or none")
    return {"quiet_from": parse_hour(begin), "quiet_until": parse_hour(end)}


def _days(text: str) -> frozenset[int]:
    return frozenset() if text == "none" else parse_weekdays(text.split(","))


def _watch(session: Session, email: str, rule: int) -> Watch:
    """The reader's holding of this rule; LookupError with the remedy."""
    found = watching.watch_of(session, find_subscriber(session, email).id, rule)
    if found is None:
        raise LookupError(
            f"{email} holds no alert rule {rule}: `newsletter alerts rules {email}` shows theirs"
        )
    return found


def _facts(watch: Watch, names: Mapping[str, str]) -> dict[str, Any]:
    rule, until = watch.rule_record.rule, watch.paused_until
    return {
        "rule": watch.rule_id,
        "words": words(rule, names),
        "conditions": rule.definition(),
        "since": watch.made_at.isoformat(timespec="seconds"),
        "paused_until": until.isoformat(timespec="minutes") if until else None,
    }


def _barred(session: Session, services: Services, subscriber: Subscriber) -> str | None:
    """Why no alert goes to them now, if none does."""
    slug = alerts_of(services).slug
    standing = roster.recipients(session, [subscriber.id], slug, now=moment(None))[subscriber.id]
    return standing if isinstance(standing, str) else None
