"""The demo: a day of the service on sample data, told step by step."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.alert_desk.counting import proof as prove_alert
from newsletter.alerts.matching import anchors
from newsletter.cli.services import bring_up_to_date, configured
from newsletter.cli.subscribers import find_subscriber
from newsletter.cli.system import serve
from newsletter.cli.terminal import fail, out, progress_bar, say
from newsletter.desk import approval, planning
from newsletter.intake.take_in import take_in
from newsletter.models import Alert, AlertReader, Issue, Newsletter
from newsletter.models.issue import IssueState
from newsletter.proof import proof
from newsletter.publication import publish
from newsletter.samples.load import SUBSCRIBERS, breaking_story, sample_rules, sample_stories
from newsletter.schedule import Occurrence, occurrence
from newsletter.store.engine import reading, writing
from newsletter.tasks import alert as strike
from newsletter.tick import tick_issues
from newsletter.wiring import Services
from subscribers import consent, watching
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.rhythm import Rhythm
from subscribers.transfer.reading import People
from subscribers.transfer.taking import Terms, import_people

SOURCE = "Sample reader of the demo; no such person exists"
#: after publication: day for two of the readers who are alerted, and still night for the third
BREAKS = timedelta(hours=6)


def demo(
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="End when all is sent; serve no pages.")
    ] = False,
) -> None:
    """Set up an instance with sample data, send today's digest and an alert into a folder, and show them.

    Runs again without harm: what was sent is not sent again.
    """
    services = configured()
    if services.settings.mail_provider != "folder":
        fail("the demo sends sample mail: unset MAIL_PROVIDER, so that it goes into a folder")
    _step("Setting up the database", "; ".join(bring_up_to_date(services)) or "already there")
    today = datetime.now(UTC).date()
    with reading(services.engine) as session:
        newsletter = session.scalars(select(Newsletter).where(Newsletter.cadence == "daily")).first()
        if newsletter is None:
            fail("the demo needs a daily newsletter in the publication file")
        planned = occurrence(planning.timetable(newsletter), today)
    _load(services, newsletter, planned)
    issue_id = _publish(services, newsletter, planned)
    _deliver(services, planned)
    _show(services, issue_id)
    if no_serve:
        say("\nLook at them: `newsletter run`, then open the address it prints, and /mailbox.")
        return
    address = f"{services.settings.public_url}/mailbox"
    out.print(f"\n[bold]Open {address}[/bold] to read what was sent.")
    serve(services)


def _step(what: str, result: str) -> None:
    out.print(f"[bold]•[/bold] {what} … ", end="")
    say(result)


def _load(services: Services, newsletter: Newsletter, planned: Occurrence) -> None:
    """Sample stories, seen in the hours before the cut-off, and sample readers."""
    with writing(services.engine) as session:
        seen_at = planned.cutoff_at - timedelta(hours=3)
        report = take_in(session, sample_stories(planned.date), now=seen_at)
        _step("Loading sample stories", f"{report.added} added, {report.unchanged} there already")
        with SUBSCRIBERS.open(encoding="utf-8", newline="") as lines:
            rows = People(
                lines,
                audiences=services.site.audiences,
                defaults=Rhythm(newsletter.timezone, newsletter.default_hour),
            )
            people, _ = import_people(
                session,
                rows,
                Terms((newsletter.slug,), SOURCE, wording=SOURCE),
                fingerprints=services.fingerprints,
                now=seen_at,
            )
        _step("Loading sample readers", f"{people.added} added, {people.unchanged} there already")
        if services.site.alerts:
            held = _hold_rules(session, services, services.site.alerts.slug, seen_at)
            _step("Loading their alert rules", f"{held} are held")


def _hold_rules(session: Session, services: Services, slug: str, now: datetime) -> int:
    """Some of the sample readers want alerts, too."""
    rules = list(sample_rules())
    for email, rule in rules:
        consent.attest(
            session,
            parse(email),
            [slug],
            source=SOURCE,
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=now,
        )
        subscriber = find_subscriber(session, email)
        watching.hold(session, subscriber, rule, anchors(rule), now=now)
    return len(rules)


def _publish(services: Services, newsletter: Newsletter, planned: Occurrence) -> int:
    """Today's issue: planned, approved and published, or as an earlier run left it."""
    with writing(services.engine) as session:
        newsletter = session.get_one(Newsletter, newsletter.id)
        issue = planning.plan(session, newsletter, planned)
        if issue is None:
            issue = session.scalars(
                select(Issue).where(Issue.newsletter_id == newsletter.id, Issue.date == planned.date)
            ).one()
        _step(f"Planning {newsletter.name} of {planned.date}", f"{len(issue.picks)} candidate stories")
        if issue.state in (IssueState.DRAFT, IssueState.HELD):
            planning.fill(session, issue)
            digest = approval.approve(session, issue, services.renderer, by="the demo", now=planned.cutoff_at)
            _step("Approving it", f"content hash {digest[:16]}…")
        if issue.state == IssueState.APPROVED:
            publish(session, issue, services.renderer, now=planned.publish_at)
            _step("Publishing it", str(issue.reason))
        else:
            _step("Publishing it", f"done before: {issue.reason}")
        return issue.id


def _deliver(services: Services, planned: Occurrence) -> None:
    """Let the day pass hour by hour, so that every reader's hour comes in every zone; amid it a story
    breaks."""
    dispatcher = services.dispatcher()
    accepted = 0
    with progress_bar() as bar:
        for hour in bar.track(list(_hours(planned)), description="the day passes"):
            if hour == planned.publish_at + BREAKS:
                with writing(services.engine) as session:
                    take_in(session, breaking_story(planned.date), now=hour)
            strike(services, hour)
            done = dispatcher.run(hour)
            accepted += done.counts["accepted"]
            if done.stopped:
                fail(f"the mail folder takes nothing: {done.stopped}")
    _step("Letting the day pass, each reader at their own hour", f"{accepted} mails written")
    tick_issues(services, planned.publish_at)


def _hours(planned: Occurrence) -> Iterator[datetime]:
    """Each half hour of the day after publication: some zones lie half an hour apart."""
    for half in range(52):
        yield planned.publish_at + timedelta(minutes=30 * half)


def _show(services: Services, issue_id: int) -> None:
    with reading(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        found = proof(session, issue)
        _step("Proving that none is missing", f"{found.sentence} ({issue.state})")
        for alert in session.scalars(select(Alert).order_by(Alert.id)):
            sum_of_all = prove_alert(session, alert).sentence
            later = f"{_held(session, alert)} held until its reader's quiet was over"
            _step(f"Alert: {alert.story.title}", f"{sum_of_all}; {later}")
    folder: Path = services.settings.mail_folder
    _step("Mails", f"{len(list(folder.glob('*.eml')))} files in {folder}")


def _held(session: Session, alert: Alert) -> int:
    """How many of its mails did not leave at once."""
    later = select(func.count()).where(
        AlertReader.alert_id == alert.id, AlertReader.mailed_at > AlertReader.decided_at
    )
    return session.scalars(later).one()
