"""Commands about subscribers: add, list, show; `transfer` has import and export."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, moment, say, show_json, show_table
from newsletter.outbox import queue_confirmation
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent, roster
from subscribers.address import Address, parse
from subscribers.consent import Attested, Channel
from subscribers.flags import flags
from subscribers.lens import Lens, term
from subscribers.models import Consent, Subscriber, SubscriptionState
from subscribers.rhythm import DAYS, EVERY_DAY, Rhythm, parse_hour, parse_weekdays, parse_zone

app = typer.Typer(no_args_is_help=True, help="Subscribers: add, import, export, look at them.")

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
    """Add a subscriber, or a newsletter to one. What is not given stays as it was.

    Without --confirmed they are pending, and get a mail that asks them.
    """
    services = ready()
    slugs = chosen_newsletters(services, newsletter)
    require_attestation(confirmed, source)
    terms = {
        "audiences": audience and [known_audience(services, word) for word in audience],
        "companies": follow,
        "topics": topic,
        "muted_companies": mute_company,
        "muted_topics": mute_topic,
    }
    times = {
        "timezone": timezone and parse_zone(timezone),
        "hour": None if hour is None else parse_hour(hour),
        "weekdays": weekdays and parse_weekdays(weekdays.split(",")),
    }
    with writing(services.engine) as session:
        wish = _wish(session, services.site.usual_rhythm(slugs[0]), parse(email), name, terms, times)
        outcome = (
            _vouch(session, services, wish, slugs, source) if source else _ask(session, services, wish, slugs)
        )
    say(f"{email}: {outcome}")


@dataclass(frozen=True)
class _Wish:
    address: Address
    name: str | None
    lens: Lens
    rhythm: Rhythm


def _wish(
    session: Session,
    usual: Rhythm,
    address: Address,
    name: str | None,
    terms: dict[str, list[str] | None],
    times: dict[str, Any],
) -> _Wish:
    """What was given, laid over what is known of the subscriber or usual for the newsletter."""
    known = roster.find(session, address.mailbox)
    lens = known.lens if known else Lens()
    rhythm = known.rhythm if known else usual
    given: dict[str, Any] = {
        field: frozenset(map(term, words)) for field, words in terms.items() if words is not None
    }
    chosen = {field: value for field, value in times.items() if value is not None}
    return _Wish(address, name, replace(lens, **given), replace(rhythm, **chosen))


def _vouch(session: Session, services: Services, wish: _Wish, slugs: list[str], source: str) -> str:
    outcome = consent.attest(
        session,
        wish.address,
        slugs,
        lens=wish.lens,
        rhythm=wish.rhythm,
        name=wish.name,
        source=source,
        channel=Channel.COMMAND,
        fingerprints=services.fingerprints,
        now=moment(None),
    )
    because = consent.kept_out_because(session, wish.address, slugs, services.fingerprints)
    kept_out = f"kept out, {because}: only they can come back, by the form"
    if outcome is Attested.KEPT_OUT:
        raise LookupError(f"{wish.address.mailbox} is {kept_out}")
    held = ", ".join(_confirmed(session, wish, slugs))
    return f"{outcome}, confirmed for {held}" + (f"; {kept_out}" if because else "")


def _confirmed(session: Session, wish: _Wish, slugs: list[str]) -> list[str]:
    """Those of the newsletters to which the subscriber is subscribed now."""
    subscriber = roster.find(session, wish.address.mailbox)
    return [slug for slug in slugs if subscriber and subscriber.state(slug) == SubscriptionState.CONFIRMED]


def _ask(session: Session, services: Services, wish: _Wish, slugs: list[str]) -> str:
    now = moment(None)
    asked = consent.request(
        session,
        wish.address,
        slugs,
        lens=wish.lens,
        rhythm=wish.rhythm,
        name=wish.name,
        channel=Channel.COMMAND,
        wording=WORDING,
        fingerprints=services.fingerprints,
        now=now,
    )
    if asked is None and _confirmed(session, wish, slugs) == slugs:
        return "nothing to ask, confirmed already"
    if asked is None:
        raise LookupError(
            f"{wish.address.mailbox} was not asked: the address is suppressed, or was mailed just now "
            "(one question in ten minutes, three a day); `newsletter subscribers show` tells"
        )
    queue_confirmation(session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=now)
    services.wake(session)
    return "pending, a confirmation mail is in the outbox"


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50, as_json: Json = False
) -> None:
    """List subscribers, newest first."""
    services = ready()
    with reading(services.engine) as session:
        found = session.scalars(
            select(Subscriber)
            .where(Subscriber.erased_at.is_(None))
            .order_by(Subscriber.id.desc())
            .limit(limit)
        ).all()
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
        subscriber = find_subscriber(session, email)
        facts = _facts(subscriber) | {"flags": ", ".join(sorted(flags(parse(subscriber.email))))}
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


def chosen_newsletters(services: Services, given: list[str] | None) -> list[str]:
    """The slugs that were given, or the first newsletter; LookupError for one that there is not."""
    if not given:
        return [services.site.newsletters[0].slug]
    return [services.site.newsletter(slug).slug for slug in dict.fromkeys(given)]


def known_audience(services: Services, word: str) -> str:
    known = services.site.audiences
    if term(word) not in map(term, known):
        raise LookupError(f"unknown audience {word!r}: there are {', '.join(known)}")
    return word


def require_attestation(confirmed: bool, source: str | None) -> None:
    """Wrong usage, unless whoever attests says where consent was given."""
    if confirmed != bool(source and source.strip()):
        raise typer.BadParameter("--confirmed and --source TEXT go together: say where consent was given")


def find_subscriber(session: Session, email: str) -> Subscriber:
    """The subscriber of that address; LookupError if there is none."""
    subscriber = roster.find(session, email)
    if subscriber is None:
        raise LookupError(f"no subscriber has the address {email!r}: see `newsletter subscribers list`")
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
        "lens": {
            name: ", ".join(part) if isinstance(part, list) else part
            for name, part in subscriber.lens.definition().items()
        },
        "rhythm": f"{rhythm.hour:02}:00 {rhythm.timezone}, {days}",
        "since": subscriber.created_at.isoformat(timespec="seconds"),
    }
