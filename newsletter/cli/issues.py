"""Commands about issues: plan, look at, curate, approve, prove."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import release
from newsletter.cli.services import ready
from newsletter.cli.terminal import At, Json, fail, moment, operator, say, show_json, show_table
from newsletter.desk import editing, planning
from newsletter.links import no_reader_links
from newsletter.mail import Content, Mail, Verdict
from newsletter.models import Issue, Newsletter, Story
from newsletter.models.issue import UNAPPROVED
from newsletter.newsletters import with_issues
from newsletter.preview import preview as make_preview
from newsletter.proof import proof as make_proof
from newsletter.schedule import Occurrence, due
from newsletter.store.engine import reading, writing
from newsletter.testmail import Post, hand_over, of_issue
from newsletter.wiring import Services
from subscribers.address import parse

app = typer.Typer(no_args_is_help=True, help="Issues: plan, preview, curate, approve, prove.")

IssueId = Annotated[
    int, typer.Argument(metavar="ISSUE", help="Its number, as `newsletter issues list` shows it.")
]
Audience = Annotated[str | None, typer.Option(help="As readers of this audience see it.")]
As = Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="As this subscriber sees it.")]


def find_issue(session: Session, issue_id: int, *, lock: bool = False) -> Issue:
    """The issue of that number, locked against other writers on demand; LookupError with the remedy."""
    query = select(Issue).where(Issue.id == issue_id)
    issue = session.scalar(query.with_for_update(of=Issue) if lock else query)
    if issue is None:
        raise LookupError(f"no issue {issue_id}: `newsletter issues list` shows those there are")
    return issue


@app.command()
def plan(
    newsletter: Annotated[str | None, typer.Argument(help="Its slug; without it, all newsletters.")] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Plan the issues that are due, without publishing any; drafts are filled anew."""
    services = ready()
    if newsletter:
        services.site.newsletter(newsletter)
    now = moment(at)
    planned = []
    with writing(services.engine) as session:
        for row in session.scalars(with_issues()):
            if newsletter in (None, row.slug):
                planned += [_planned(session, row, one) for one in due(planning.timetable(row), now=now)]
        facts = [_facts(issue) for issue in planned]
    _show_issues(facts, as_json, empty="no issue is to be planned at this time")


def _planned(session: Session, newsletter: Newsletter, occurrence: Occurrence) -> Issue:
    if issue := planning.plan(session, newsletter, occurrence):
        return issue
    issue = session.scalars(
        select(Issue).where(Issue.newsletter_id == newsletter.id, Issue.date == occurrence.date)
    ).one()
    if issue.state in UNAPPROVED:
        planning.fill(session, issue)
    return issue


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20, as_json: Json = False
) -> None:
    """List issues, newest first."""
    services = ready()
    with reading(services.engine) as session:
        found = session.scalars(select(Issue).order_by(Issue.publish_at.desc(), Issue.id.desc()).limit(limit))
        facts = [_facts(issue) for issue in found]
    _show_issues(facts, as_json, empty="no issues yet: `newsletter tick` plans those that are due")


@app.command()
def show(issue: IssueId, as_json: Json = False) -> None:
    """Show an issue and its picks, in the order of a reader without preferences."""
    services = ready()
    with reading(services.engine) as session:
        found = find_issue(session, issue)
        wanted = [pick.story_id for pick in found.picks]
        named = session.execute(select(Story.id, Story.title).where(Story.id.in_(wanted))).all()
        titles: dict[int, str] = dict(named)
        facts = _facts(found)
        picks = [
            {
                "position": pick.position,
                "story": pick.story_id,
                "revision": pick.revision,
                "pinned": pick.pin is not None,
                "rank": pick.rank,
                "lead_for": pick.lead_for,
                "edited": [name for name in editing.TEXTS if getattr(pick, name)],
                "dropped": pick.dropped,
                "title": pick.headline or titles[pick.story_id],
            }
            for pick in found.picks
        ]
    if as_json:
        show_json({**facts, "picks": picks})
        return
    for name, value in facts.items():
        if value is not None:
            say(f"{name}: {value}")
    marked = [(p["position"], p["story"], _marks(p), p["title"]) for p in picks]
    show_table(("", "story", "editors", "title"), marked, empty="no picks: no story was seen in its window")


def _marks(pick: dict[str, Any]) -> str:
    """What the editors did to a story of the issue."""
    placed = (
        "pinned" if pick["pinned"] else "placed" if pick["rank"] else "dropped" if pick["dropped"] else ""
    )
    leads = f"lead for {', '.join(pick['lead_for'])}" if pick["lead_for"] else ""
    edited = f"edited {', '.join(pick['edited'])}" if pick["edited"] else ""
    return "; ".join(filter(None, (placed, leads, edited)))


@app.command()
def preview(
    issue: IssueId,
    email: As = None,
    audience: Audience = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("preview"),
) -> None:
    """Write the mail as an audience or a subscriber would get it: preview.html, preview.txt."""
    services = ready()
    _known_audience(services, audience)
    with reading(services.engine) as session:
        found = make_preview(
            session, find_issue(session, issue), services.renderer, audience=audience, email=email
        )
    content = found.content.fill(no_reader_links(services.settings.public_url))
    write_mail(content, out, "preview")
    say(f"subject: {content.subject}")
    say(f"wrote {out / 'preview.html'} and {out / 'preview.txt'}: {len(found.selection.picks)} stories")


def write_mail(content: Content, folder: Path, name: str) -> None:
    """Write both parts of a mail into the folder, as `name`.html and `name`.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.html").write_text(content.html, encoding="utf-8")
    (folder / f"{name}.txt").write_text(content.text, encoding="utf-8")


@app.command()
def approve(issue: IssueId) -> None:
    """Approve what the issue says now; it goes out at its time, exactly so."""
    services = ready()
    with writing(services.engine) as session:
        found = find_issue(session, issue, lock=True)
        if found.state in UNAPPROVED:
            planning.fill(session, found)
        digest = release.approve(session, found, services.renderer, services.look_over, _actor())
        say(f"approved: {len(found.picks)} stories, goes out from {found.publish_at:%Y-%m-%d %H:%M} UTC")
    say(f"content hash: {digest}")


@app.command()
def hold(
    issue: IssueId,
    because: Annotated[str | None, typer.Option(help="Why, for whoever reads it at the desk.")] = None,
) -> None:
    """Keep the issue from going out until somebody approves it."""
    services = ready()
    with writing(services.engine) as session:
        release.hold(session, find_issue(session, issue, lock=True), _actor(), because=because)
    say(f"issue {issue} is held: `newsletter issues approve {issue}` lets it go")


@app.command()
def pause(issue: IssueId) -> None:
    """Keep back the mails of a published issue that have not left yet."""
    services = ready()
    with writing(services.engine) as session:
        release.pause(session, find_issue(session, issue, lock=True), _actor())
    say(f"issue {issue} is paused: `newsletter issues resume {issue}` lets the rest of its mails leave")


@app.command()
def resume(issue: IssueId) -> None:
    """Let the mails of a paused issue leave again."""
    services = ready()
    with writing(services.engine) as session:
        release.resume(session, find_issue(session, issue, lock=True), _actor())
    say(f"issue {issue} goes on")


@app.command()
def cancel(issue: IssueId) -> None:
    """End the issue for good; mails not yet handed over are cancelled."""
    services = ready()
    with writing(services.engine) as session:
        stopped = release.cancel(session, find_issue(session, issue, lock=True), _actor())
    say(f"issue {issue} is cancelled, and {stopped} mails with it")


def _actor() -> release.Actor:
    return release.Actor(operator(), moment(None))


@app.command()
def proof(issue: IssueId, as_json: Json = False) -> None:
    """Prove that every mail of the issue has a known fate; exit code 1 if the counts do not add up."""
    services = ready()
    with reading(services.engine) as session:
        found = find_issue(session, issue)
        result = make_proof(session, found)
        title = f"{found.newsletter.name}, {found.date}: {found.state}"
    if as_json:
        show_json(result.to_json())
    else:
        say(title)
        say(result.sentence)
        for (state, reason), number in result.reasons.items():
            say(f"  {number} {state}: {reason}")
        say(result.mailboxes)
    if not result.adds_up:
        fail("the counts do not add up: mails are missing or were made twice")


def send_test(
    issue: IssueId,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who gets the test mail.")],
    audience: Audience = None,
    email: As = None,
) -> None:
    """Send the issue as a test mail, marked [TEST], to one address."""
    services = ready()
    _known_audience(services, audience)
    post = Post(parse(address), services.settings.mail_from, services.settings.public_url)
    with reading(services.engine) as session:
        found = find_issue(session, issue)
        mail = of_issue(session, found, services.renderer, post, audience=audience, email=email)
    hand_test_over(services, mail)


def hand_test_over(services: Services, mail: Mail) -> None:
    """Offer the test mail to the provider; fails with its reason where it is not taken."""
    outcome = hand_over(services.provider, mail)
    if outcome.verdict is not Verdict.ACCEPTED:
        fail(f"{services.provider.name} did not take the test mail: {outcome.reason}")
    say(f"test mail handed to {services.provider.name}: {mail.content.subject}")


def _known_audience(services: Services, audience: str | None) -> None:
    known = services.site.audiences
    if audience is not None and audience.casefold() not in {name.casefold() for name in known}:
        raise LookupError(f"unknown audience {audience!r}: there are {', '.join(known)}")


def _facts(issue: Issue) -> dict[str, object]:
    return {
        "id": issue.id,
        "newsletter": issue.newsletter.slug,
        "date": issue.date.isoformat(),
        "state": issue.state,
        "reason": issue.reason,
        "stories": sum(1 for pick in issue.picks if not pick.dropped),
        "cutoff_at": issue.cutoff_at.isoformat(),
        "publish_at": issue.publish_at.isoformat(),
        "frozen": issue.frozen,
        "content_hash": issue.content_hash,
    }


def _show_issues(facts: list[dict[str, object]], as_json: bool, *, empty: str) -> None:
    if as_json:
        show_json(facts)
        return
    columns = ("id", "newsletter", "date", "state", "stories", "reason")
    show_table(columns, [[fact[column] for column in columns] for fact in facts], empty=empty)
