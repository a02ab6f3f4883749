"""Commands about readers: add, import, list, show; and why a story reached one of them."""

import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.cli.services import ready
from newsletter.cli.stories import find_story
from newsletter.cli.terminal import Json, err, moment, out, progress_bar, say, show_json, show_table
from newsletter.outbox import queue_confirmation
from newsletter.store.engine import reading, writing
from newsletter.why import Explanation
from newsletter.why import why as explain
from newsletter.wiring import Services
from subscribers import consent, roster
from subscribers.address import parse
from subscribers.consent import Attested, Channel
from subscribers.lens import Lens, term
from subscribers.models import Consent, Subscriber
from subscribers.rhythm import DAYS, EVERY_DAY, Rhythm, parse_hour, parse_weekdays, parse_zone
from subscribers.transfer.csv_file import read_people
from subscribers.transfer.people import import_people

app = typer.Typer(no_args_is_help=True, help="Subscribers: add, import, look at them.")

Newsletters = Annotated[
    list[str] | None, typer.Option("--newsletter", metavar="SLUG", help="May be given again; else the first.")
]
Confirmed = Annotated[
    bool, typer.Option("--confirmed", help="Attest that consent was given elsewhere; --source says where.")
]
Source = Annotated[str | None, typer.Option(metavar="TEXT", help="Where and how consent was given.")]

WORDING = "Added at the command line, without the words of a form"


@app.command()
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    name: Annotated[str | None, typer.Option(help="What they call themselves.")] = None,
    newsletter: Newsletters = None,
    audience: Annotated[list[str] | None, typer.Option(help="May be given again; none means all.")] = None,
    follow: Annotated[list[str] | None, typer.Option(metavar="COMPANY", help="May be given again.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="A category or a word of the title.")] = None,
    mute_company: Annotated[
        list[str] | None, typer.Option(metavar="COMPANY", help="Keep stories about it away.")
    ] = None,
    mute_topic: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC", help="Keep stories about it away.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Such as Europe/Paris.")] = None,
    hour: Annotated[str | None, typer.Option(metavar="H", help="Hour of the day, 0 to 23.")] = None,
    weekdays: Annotated[str | None, typer.Option(metavar="DAYS", help="Such as mon,wed,fri.")] = None,
    confirmed: Confirmed = False,
    source: Source = None,
) -> None:
    """Add a subscriber. Without --confirmed they are pending, and get a mail that asks them."""
    services = ready()
    slugs = _slugs(services, newsletter)
    lens = Lens.of(
        audiences=[_audience(services, word) for word in audience or []],
        companies=follow or [],
        topics=topic or [],
        muted_companies=mute_company or [],
        muted_topics=mute_topic or [],
    )
    first = services.site.newsletter(slugs[0])
    rhythm = Rhythm(
        parse_zone(timezone or first.timezone),
        parse_hour(hour if hour is not None else first.default_hour),
        parse_weekdays(weekdays.split(",")) if weekdays else EVERY_DAY,
    )
    _attestation(confirmed, source)
    address, now = parse(email), moment(None)
    with writing(services.engine) as session:
        if source:
            done = consent.attest(
                session, address, slugs,
                lens=lens, rhythm=rhythm, name=name, source=source, channel=Channel.COMMAND, now=now,
            )  # fmt: skip
        else:
            asked = consent.request(
                session, address, slugs,
                lens=lens, rhythm=rhythm, name=name, channel=Channel.COMMAND, wording=WORDING, now=now,
            )  # fmt: skip
            if asked:
                queue_confirmation(
                    session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=now
                )
    if not source:
        say(
            f"{email}: pending, a confirmation mail is in the outbox" if asked else f"{email}: nothing to ask"
        )
    elif done is Attested.KEPT_OUT:
        raise LookupError(f"{email} has unsubscribed or is suppressed: only they can come back, by the form")
    else:
        say(f"{email}: {done}, confirmed for {', '.join(slugs)}")


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV: email,name,audiences,timezone,hour.")],
    newsletter: Newsletters = None,
    confirmed: Confirmed = False,
    source: Source = None,
    as_json: Json = False,
) -> None:
    """Import subscribers. Nobody who left, bounced or complained is brought back.

    Without --confirmed people are pending, and get a mail that asks them. A row that cannot be used
    is reported with its line, the reason and the remedy. Exit code 1 when any was refused.
    """
    services = ready()
    slugs = _slugs(services, newsletter)
    _attestation(confirmed, source)
    first = services.site.newsletter(slugs[0])
    now = moment(None)
    with _open(file) as lines, progress_bar() as bar, writing(services.engine) as session:
        rows = read_people(
            bar.track(lines, description="reading", total=None),
            audiences=services.site.audiences,
            defaults=Rhythm(first.timezone, first.default_hour),
        )
        report = import_people(
            session, rows,
            newsletters=slugs, source=source, channel=Channel.IMPORT, wording=WORDING, now=now,
        )  # fmt: skip
        for asked in report.asked:
            queue_confirmation(
                session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=now
            )
    if as_json:
        show_json(report.to_json())
    else:
        say(
            f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
            f"{report.kept_out} kept out, {len(report.refused)} refused"
        )
        for refusal in report.refused:
            err.print(f"refused line {refusal.line}: {refusal.reason}. {refusal.remedy}", markup=False)
    if report.refused:
        raise typer.Exit(1)


def _open(name: str) -> io.TextIOBase:
    if name == "-":
        return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline="")
    return Path(name).open(encoding="utf-8-sig", newline="")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50, as_json: Json = False
) -> None:
    """List subscribers, newest first."""
    services = ready()
    with reading(services.engine) as session:
        found = session.scalars(select(Subscriber).order_by(Subscriber.id.desc()).limit(limit)).all()
        facts = [_facts(subscriber) for subscriber in found]
    if as_json:
        show_json(facts)
        return
    rows = [
        (f["email"], ", ".join(f"{n}: {state}" for n, state in f["subscriptions"].items()), f["rhythm"])
        for f in facts
    ]
    show_table(("email", "subscriptions", "rhythm"), rows, empty="no subscribers yet")


@app.command()
def show(email: Annotated[str, typer.Argument(metavar="EMAIL")], as_json: Json = False) -> None:
    """Show what is known of a subscriber, and their consent."""
    services = ready()
    with reading(services.engine) as session:
        subscriber = _find(session, email)
        facts = _facts(subscriber)
        ledger = session.scalars(
            select(Consent).where(Consent.subscriber_id == subscriber.id).order_by(Consent.id)
        )
        facts["consent"] = [
            {
                "at": line.at.isoformat(timespec="seconds"),
                "act": line.act,
                "newsletters": line.newsletters,
                "channel": line.channel,
                "wording": line.wording,
            }
            for line in ledger
        ]
    if as_json:
        show_json(facts)
        return
    for name, value in facts.items():
        if name == "consent":
            say("consent:")
            for line in value:
                about = ", ".join(line["newsletters"])
                say(f"  {line['at']} {line['act']} {about} by {line['channel']}: {line['wording']}")
        elif value:
            said = " · ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else value
            say(f"{name}: {said}")


def why(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    story: Annotated[str, typer.Argument(metavar="STORY", help="Its number, or its external id.")],
    as_json: Json = False,
) -> None:
    """Say why a story reached a subscriber or not: every rule, passed or failed."""
    services = ready()
    with reading(services.engine) as session:
        found = find_story(session, story)
        explanations = explain(session, _find(session, email), found)
        title = found.title
    if as_json:
        show_json([explanation.to_json() for explanation in explanations])
        return
    say(title)
    for explanation in explanations:
        _say_why(explanation)
    if not explanations:
        say("no issue of this subscriber's newsletters had this story among its candidates yet")


def _say_why(explanation: Explanation) -> None:
    decision = explanation.decision
    verdict = f"place {decision.place}" if decision.place else "left out"
    say(
        f"\n{explanation.newsletter} {explanation.date} ({explanation.issue_state}): "
        f"{verdict}, score {decision.score}"
    )
    for reason in decision.reasons:
        mark = "[green]✓[/green]" if reason.passed else "[red]✗[/red]"
        out.print(f"  {mark} {reason.rule:9} ", end="")
        out.print(reason.text, markup=False)
    say(f"  mail: {explanation.mail}")


def _slugs(services: Services, given: list[str] | None) -> list[str]:
    if not given:
        return [services.site.newsletters[0].slug]
    return [services.site.newsletter(slug).slug for slug in dict.fromkeys(given)]


def _audience(services: Services, word: str) -> str:
    known = services.site.audiences
    if term(word) not in map(term, known):
        raise LookupError(f"unknown audience {word!r}: there are {', '.join(known)}")
    return word


def _attestation(confirmed: bool, source: str | None) -> None:
    if confirmed != bool(source and source.strip()):
        raise typer.BadParameter("--confirmed and --source TEXT go together: say where consent was given")


def _find(session: Session, email: str) -> Subscriber:
    subscriber = roster.find(session, email)
    if subscriber is None:
        raise LookupError(f"no subscriber has the address {email!r}")
    return subscriber


def _facts(subscriber: Subscriber) -> dict[str, Any]:
    rhythm = subscriber.rhythm
    days = (
        "every day" if rhythm.weekdays == EVERY_DAY else ", ".join(DAYS[d] for d in sorted(rhythm.weekdays))
    )
    return {
        "email": subscriber.email,
        "name": subscriber.name,
        "subscriptions": {one.newsletter: one.state for one in subscriber.subscriptions},
        "lens": {name: ", ".join(terms) for name, terms in subscriber.lens.definition().items()},
        "rhythm": f"{rhythm.hour:02}:00 {rhythm.timezone}, {days}",
        "since": subscriber.created_at.isoformat(timespec="seconds"),
    }
