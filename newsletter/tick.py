"""The tick: do all that is due at this moment, once. Any number of clocks may strike it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk.approval import pieces, void_if_overruled
from newsletter.desk.planning import fill, missed, plan, timetable
from newsletter.desk.states import step
from newsletter.dispatch.tidying import expire
from newsletter.dispatch.unknown import repeat_by_policy
from newsletter.feedback.applying import apply_events
from newsletter.models import Issue
from newsletter.models.delivery import DeliveryState
from newsletter.models.issue import UNAPPROVED, IssueState
from newsletter.newsletters import with_issues
from newsletter.proof import is_on_its_way, proof
from newsletter.publication import publish
from newsletter.release import close, leaves_at
from newsletter.rendering.renderer import RenderError
from newsletter.schedule import due
from newsletter.store.engine import DATABASE_TROUBLE, reading, writing
from newsletter.tasks import alert, bark, count_days, foresee, forget, handlers, tell, watch
from newsletter.wiring import Services

log = structlog.get_logger()

#: batches of events worked in before anything else has its turn
BATCHES_AT_ONCE = 20


@dataclass
class Ticked:
    """What one tick did, in words for people; empty when nothing was due."""

    news: list[str] = field(default_factory=list)
    #: what kept something from being done, each with the remedy; the next tick tries again
    troubles: list[str] = field(default_factory=list)

    def say(self, issue: Issue, what: str) -> None:
        line = f"{issue.newsletter.slug} {issue.date}: {what}"
        self.news.append(line)
        log.info("issue", issue=issue.id, newsletter=issue.newsletter.slug, state=issue.state)


def tick_issues(services: Services, now: datetime) -> Ticked:
    """Plan, fill, close, publish, expire and finish issues, each in a transaction of its own.

    What was told of earlier mails is worked in before. An issue that fails is held with the reason;
    the others go on.
    """
    ticked = Ticked()
    _take_stock(services, now, ticked)
    with writing(services.engine) as session:
        _plan(session, now, ticked)
    for issue_id in _open_issues(services):
        try:
            _render_ahead(services, issue_id, now)
            with writing(services.engine) as session:
                issue = _lock(session, issue_id)
                if issue is not None:
                    advance(session, issue, services, now=now, ticked=ticked)
        except RenderError as error:
            with writing(services.engine) as session:
                _hold(session, issue_id, f"cannot be rendered: {error}", "Mend the template", ticked)
        except DATABASE_TROUBLE:
            raise
        except Exception as error:
            # a fault of ours that one issue brings out keeps back none of the others
            log.exception("issue_broke", issue=issue_id)
            with writing(services.engine) as session:
                _hold(
                    session,
                    issue_id,
                    f"brings out a fault of ours ({type(error).__name__})",
                    "Mend what the log names",
                    ticked,
                )
    return ticked


def _take_stock(services: Services, now: datetime, ticked: Ticked) -> None:
    """What was told and not yet worked in, the mails of which nothing was told, and those that were too late:
    they told nobody anything, as an issue that is published now has to know.
    """
    done: Counter[str] = Counter()
    for _ in range(BATCHES_AT_ONCE):
        with writing(services.engine) as session:
            batch = apply_events(session, services.fingerprints, now=now)
        if not batch:
            break
        done += batch
    with writing(services.engine) as session:
        late = expire(session, now=now)
        done["repeated"] = repeat_by_policy(session, now=now)
    ticked.news += [f"feedback: {number} {what}" for what, number in sorted(done.items()) if number]
    ticked.news += [f"outbox: {number} {state}" for state, number in late.items()]


def _plan(session: Session, now: datetime, ticked: Ticked) -> None:
    newsletters = session.scalars(with_issues().with_for_update())
    for newsletter in newsletters.all():
        for occurrence in missed(session, newsletter, now=now):
            issue = plan(session, newsletter, occurrence)
            if issue is not None:
                step(issue, IssueState.EXPIRED, "missed: the service was not running in its time")
                ticked.say(issue, str(issue.reason))
        for occurrence in due(timetable(newsletter), now=now):
            issue = plan(session, newsletter, occurrence)
            if issue is not None:
                ticked.say(issue, f"planned, {counted(len(issue.picks))} so far")


def counted(stories: int) -> str:
    return "1 story" if stories == 1 else f"{stories} stories"


def _open_issues(services: Services) -> list[int]:
    states = (IssueState.DRAFT, IssueState.HELD, IssueState.APPROVED, IssueState.PUBLISHED)
    with reading(services.engine) as session:
        query = select(Issue.id).where(Issue.state.in_(states)).order_by(Issue.publish_at, Issue.id)
        return list(session.scalars(query))


def _render_ahead(services: Services, issue_id: int, now: datetime) -> None:
    """Compile the cards of an issue that is about to close, while nobody waits for this transaction.

    The renderer remembers them, so that the approval itself is short.
    """
    with reading(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        if issue.state == IssueState.DRAFT and now >= issue.cutoff_at:
            pieces(session, issue, services.renderer)


def _lock(session: Session, issue_id: int) -> Issue | None:
    """The issue, for this clock alone; None while another clock works on it."""
    return session.scalar(
        select(Issue).where(Issue.id == issue_id).with_for_update(of=Issue, skip_locked=True)
    )


def _hold(session: Session, issue_id: int, fault: str, remedy: str, ticked: Ticked) -> None:
    issue = _lock(session, issue_id)
    if issue is not None and issue.state in (IssueState.DRAFT, IssueState.APPROVED):
        step(issue, IssueState.HELD, fault)
        ticked.troubles.append(
            f"{issue.newsletter.slug} {issue.date} is held, it {fault}. "
            f"{remedy}, then `newsletter issues approve {issue.id}`"
        )


def advance(session: Session, issue: Issue, services: Services, *, now: datetime, ticked: Ticked) -> None:
    """Bring one issue as far as it can go at `now`."""
    if issue.state == IssueState.PUBLISHED:
        _finish(session, issue, now, ticked)
        return
    if overtaken := _overtaken(session, issue, now):
        step(issue, IssueState.EXPIRED, overtaken)
        ticked.say(issue, overtaken)
        return
    if issue.state in UNAPPROVED and now < issue.cutoff_at:
        fill(session, issue)
        return
    if issue.state == IssueState.DRAFT:
        close(session, issue, services.renderer, services.look_over, now=now)
        ticked.say(issue, issue.reason or issue.state)
    if issue.state == IssueState.APPROVED and void_if_overruled(issue, services.renderer):
        ticked.say(issue, f"{issue.state}: {issue.reason}")
    if issue.state == IssueState.APPROVED and now >= leaves_at(issue):
        publish(session, issue, services.renderer, now=now)
        ticked.say(issue, f"{issue.state}: {issue.reason}")
        if issue.frozen == 0:
            _finish(session, issue, now, ticked)


def _overtaken(session: Session, issue: Issue, now: datetime) -> str | None:
    """Why the issue is too old to go out, if it is: late and once, or not at all."""
    if now >= issue.expires_at:
        return "not published within its catch-up window"
    if now < issue.publish_at:
        return None
    newer = session.scalar(
        select(Issue.date)
        .where(
            Issue.newsletter_id == issue.newsletter_id,
            Issue.date > issue.date,
            Issue.publish_at <= now,
            Issue.state.not_in((IssueState.CANCELLED, IssueState.SKIPPED)),
        )
        .limit(1)
    )
    return f"overtaken by the issue of {newer}" if newer else None


def _finish(session: Session, issue: Issue, now: datetime, ticked: Ticked) -> None:
    """Close the books when every frozen mail has its fate."""
    if is_on_its_way(session, issue):
        return
    found = proof(session, issue)
    if found.open == 0 and found.adds_up:
        step(issue, IssueState.FINISHED, found.sentence)
        issue.finished_at = now
        ticked.say(issue, f"finished: {found.sentence}")


def tick(
    services: Services,
    now: datetime,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], object] = lambda _: None,
) -> Ticked:
    """Everything due at `now`: alerts, issues, then the outbox until `stop()`, the queue, and the books."""
    alerted = alert(services, now)
    ticked = tick_issues(services, now)
    ticked.news += [f"alerts: {number} {what}" for what, number in sorted(alerted.items())]
    handed = services.dispatcher().run(now, stop=stop, progress=progress)
    for state, number in sorted(handed.counts.items()):
        if number:
            words = "not taken, to be tried again" if state == DeliveryState.QUEUED else state
            ticked.news.append(f"outbox: {number} {words}")
    if handed.stopped:
        ticked.troubles.append(
            f"{services.provider.name} takes no mail: {handed.stopped}. "
            "What is due stays in the outbox; `newsletter check` looks at the provider"
        )
    if handed.waiting:
        ticked.news.append(f"outbox: more is due and waits, {handed.waiting}")
    ticked.troubles += watch(services, now)
    ticked.troubles += [
        f"mails wait for a template to be mended: {fault}" for fault in sorted(handed.failing)
    ]
    bark(services, now)
    # whatever others left to be done; what they woke us for is handed over by now
    services.queue.drain(handlers(services, clock=lambda: now))
    closing = tick_issues(services, now)
    tell(services, now)
    foresee(services, now)
    count_days(services, now)
    forget(services, now)
    return Ticked(ticked.news + closing.news, ticked.troubles + closing.troubles)
