"""Commands about alerts: what became of them, and those that editors write, aim and let go."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.alert_desk import editing, letting_go
from newsletter.alert_desk.counting import proof as make_proof
from newsletter.alert_desk.counting import tallies
from newsletter.alert_desk.looking_over import as_of_now, shown
from newsletter.alerts.aim import aim_in_words, aimed_at, segment_names
from newsletter.alerts.phrases import count
from newsletter.cli.issues import hand_test_over, write_mail
from newsletter.cli.services import ready
from newsletter.cli.stories import find_story
from newsletter.cli.subscribers import known_audience
from newsletter.cli.terminal import Json, fail, moment, operator, say, show_json, show_table
from newsletter.links import no_reader_links
from newsletter.models import Alert
from newsletter.newsletters import NoAlerts
from newsletter.release import Actor
from newsletter.replay import replay_alert
from newsletter.site import AlertSpec
from newsletter.store.engine import reading, writing
from newsletter.testmail import Post, of_alert
from newsletter.wiring import Services
from subscribers.address import parse
from subscribers.segments import saved

app = typer.Typer(
    no_args_is_help=True, help="Alerts: readers' rules, what became of each alert, and the editors' own."
)

EDITORS = "Editors' alerts"
AlertId = Annotated[
    int, typer.Argument(metavar="ALERT", help="Its number, as `newsletter alerts list` shows it.")
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Not before this time: 2026-11-24T07:00Z. Else at once."),
]


def alerts_of(services: Services) -> AlertSpec:
    """The alerts as they are published; NoAlerts where they are not."""
    if services.site.alerts is None:
        raise NoAlerts
    return services.site.alerts


def find_alert(session: Session, alert_id: int, *, lock: bool = False) -> Alert:
    """The alert of that number, locked against other writers on demand; LookupError with the remedy."""
    query = select(Alert).where(Alert.id == alert_id)
    alert = session.scalar(query.with_for_update(of=Alert) if lock else query)
    if alert is None:
        raise LookupError(f"no alert {alert_id}: `newsletter alerts list` shows those there are")
    return alert


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20, as_json: Json = False
) -> None:
    """List alerts of all kinds, newest first, and what became of them."""
    with reading(ready().engine) as session:
        found = session.scalars(select(Alert).order_by(Alert.id.desc()).limit(limit)).all()
        facts = _facts(session, *found)
    if as_json:
        show_json(facts)
        return
    rows = [(f["id"], f["kind"], f["state"], _sum(f["readers"]), f["title"], f["aim"]) for f in facts]
    columns = ("id", "kind", "state", "readers", "title", "for")
    show_table(columns, rows, empty="no alerts yet: no new story has met a rule, and editors wrote none")


@app.command()
def show(alert: AlertId, as_json: Json = False) -> None:
    """Show an alert: what it tells, whom it is for, and what became of it."""
    with reading(ready().engine) as session:
        [facts] = _facts(session, find_alert(session, alert))
    if as_json:
        show_json(facts)
        return
    for name, value in facts.items():
        if name == "readers":
            say(f"readers: {_sum(value) or 'none yet'}")
        elif value not in (None, []):
            say(f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")


def _sum(readers: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in readers.items() if number)


@app.command()
def proof(alert: AlertId, as_json: Json = False) -> None:
    """Prove that all whom the alert concerns have a known fate, and that its mails are what left; else
    exit code 1."""
    with reading(ready().engine) as session:
        found = find_alert(session, alert)
        result = make_proof(session, found)
        title = f"{found.title}: {found.state}"
        mails = [(one.edition.id, one.verdict, one.differs) for one in replay_alert(session, found)]
    if as_json:
        contents = [{"edition": number, "verdict": verdict} for number, verdict, _ in mails]
        show_json(result.to_json() | {"contents": contents})
    else:
        say(title)
        say(result.sentence)
        for (state, reason), number in result.reasons.items():
            say(f"  {number} {state}: {reason}")
        for number, verdict, _ in mails:
            say(f"mail {number}: {verdict}")
    if any(differs for *_, differs in mails):
        fail(f"not all mails are what left: the rows of alert {alert} were changed since")
    if not result.adds_up:
        fail("the counts do not add up: readers are marked as mailed, and have no such mail")


@app.command(rich_help_panel=EDITORS)
def draft(
    story: Annotated[str, typer.Argument(metavar="STORY", help="Its number, or its external id.")],
    line: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Your words above the story: why it is told at once.")
    ] = None,
    audience: Annotated[
        list[str] | None, typer.Option(metavar="AUDIENCE", help="Aim it at them. May be given again.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Aim it at a saved segment, too.")
    ] = None,
    headline: Annotated[str | None, typer.Option(metavar="TEXT", help="In place of the story's own.")] = None,
) -> None:
    """Draft an alert of a story, aimed at audiences, a segment or both; again, to change the draft.

    What is not given stays as it was. A change voids an approval.
    """
    services = ready()
    spec, actor = alerts_of(services), _actor()
    audiences = tuple(dict.fromkeys(known_audience(services, word) for word in audience or ()))
    with writing(services.engine) as session:
        found = find_story(session, story)
        alert = editing.draft(session, found, actor, life=timedelta(hours=spec.life_hours))
        before = editing.Wanted.of(alert)
        wanted = editing.Wanted(
            before.line if line is None else line,
            before.headline if headline is None else headline,
            audiences or before.audiences,
            saved.find(session, segment).rule if segment else before.segment,
        )
        editing.change(session, alert, wanted, actor)
        aimed = aimed_at(session, alert, now=actor.now).order_by(None).subquery()
        readers = session.scalars(select(func.count()).select_from(aimed)).one()
        say(f"alert {alert.id} of “{alert.story.title}”, {alert.state}")
        aim = aim_in_words(alert, segment_names(session))
        say(f"for {aim}: {count(readers, 'reader')} who receive alerts now")


@app.command(rich_help_panel=EDITORS)
def preview(
    alert: AlertId,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("preview"),
) -> None:
    """Write the mail as its readers would get it: preview.html, preview.txt."""
    services = ready()
    with reading(services.engine) as session:
        found = find_alert(session, alert)
        as_of_now(session, found)
        mail = shown(session, found, services.renderer)
    content = mail.content.fill(no_reader_links(services.settings.public_url))
    write_mail(content, out, "preview")
    say(f"subject: {content.subject}")
    say(f"wrote {out / 'preview.html'} and {out / 'preview.txt'}")


@app.command(rich_help_panel=EDITORS)
def send_test(
    alert: AlertId,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who gets the test mail.")],
) -> None:
    """Send the alert as a test mail, marked [TEST], to one address."""
    services = ready()
    post = Post(parse(address), services.settings.alert_sender, services.settings.public_url)
    with reading(services.engine) as session:
        mail = of_alert(session, find_alert(session, alert), services.renderer, post)
    hand_test_over(services, mail)


@app.command(rich_help_panel=EDITORS)
def approve(alert: AlertId, at: At = None) -> None:
    """Approve what the alert says now, and let it go at once or at a time, exactly so."""
    services = ready()
    spec, actor = alerts_of(services), _actor()
    with writing(services.engine) as session:
        found = find_alert(session, alert, lock=True)
        letting_go.approve(
            session,
            found,
            services.renderer,
            services.look_over_alert,
            actor,
            seen=letting_go.draft_hash(session, found, services.renderer),
            life=timedelta(hours=spec.life_hours),
            at=moment(at) if at else None,
        )
        say(f"approved, leaves from {found.release_at:%Y-%m-%d %H:%M} UTC")
        say(f"until then `newsletter alerts cancel {alert}` stops it, and a change voids the approval")


@app.command(rich_help_panel=EDITORS)
def cancel(alert: AlertId) -> None:
    """End the alert for good; mails not yet handed over are cancelled."""
    with writing(ready().engine) as session:
        stopped = letting_go.cancel(session, find_alert(session, alert), _actor())
    say(f"alert {alert} is cancelled, and {count(stopped, 'mail')} with it")


def _actor() -> Actor:
    return Actor(operator(), moment(None))


def _facts(session: Session, *alerts: Alert) -> list[dict[str, Any]]:
    readers, names = tallies(session, [alert.id for alert in alerts]), segment_names(session)
    return [
        {
            "id": alert.id,
            "kind": alert.kind,
            "state": alert.state,
            "reason": alert.reason,
            "story": alert.story_id,
            "revision": alert.revision,
            "title": alert.title,
            "line": alert.line,
            "aim": aim_in_words(alert, names),
            "rules": alert.rules,
            "made_at": alert.made_at.isoformat(timespec="seconds"),
            "release_at": alert.release_at and alert.release_at.isoformat(timespec="seconds"),
            "expires_at": alert.expires_at.isoformat(timespec="seconds"),
            "content_hash": alert.content_hash,
            "readers": dict(readers[alert.id]),
        }
        for alert in alerts
    ]
