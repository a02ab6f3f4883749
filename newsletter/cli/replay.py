"""The commands that join past editions again, of issues and of alerts, and prove that they are what left."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from newsletter.cli.alerts import AlertId, find_alert
from newsletter.cli.issues import IssueId, find_issue, write_mail
from newsletter.cli.services import ready
from newsletter.cli.terminal import fail, say
from newsletter.models import Edition
from newsletter.replay import Replay, alert_editions, replay_issue
from newsletter.replay import replay as make_replay
from newsletter.store.engine import reading

OneEdition = Annotated[int | None, typer.Option("--edition", help="Only the edition of this number.")]
Out = Annotated[Path | None, typer.Option("--out", help="A folder to write each edition to.")]


def replay(
    issue: IssueId,
    edition: OneEdition = None,
    out: Out = None,
) -> None:
    """Join the issue's editions again and compare them with what left; exit code 1 on a difference."""
    with reading(ready().engine) as session:
        find_issue(session, issue)
        _tell(_asked_for(session, issue, edition), out, f"issue {issue}")


def _asked_for(session: Session, issue: int, edition: int | None) -> Iterator[Replay]:
    if edition is None:
        yield from replay_issue(session, issue)
        return
    found = session.get(Edition, edition)
    if found is None or found.issue_id != issue or found.skipped:
        raise LookupError(f"issue {issue} mailed no edition {edition}")
    yield make_replay(session, found)


def replay_of_alert(alert: AlertId, edition: OneEdition = None, out: Out = None) -> None:
    """Join all mails again that tell the alert and compare them with what left; exit code 1 on a
    difference."""
    with reading(ready().engine) as session:
        editions = alert_editions(find_alert(session, alert))
        found = session.scalars(editions if edition is None else editions.where(Edition.id == edition)).all()
        if edition is not None and not found:
            raise LookupError(f"no edition {edition} tells alert {alert}: see `newsletter alerts proof`")
        _tell((make_replay(session, one) for one in found), out, f"alert {alert}")


def _tell(replays: Iterable[Replay], out: Path | None, named: str) -> None:
    """Write them to the folder, say what came of each, and fail where one is not what left."""
    equal, different, unproved = 0, 0, 0
    for one in replays:
        if out is not None and one.content is not None:
            write_mail(one.content, out, str(one.edition.id))
        if one.is_equal:
            equal += 1
        elif one.differs:
            different += 1
            say(f"edition {one.edition.id}: {one.verdict}")
        else:
            unproved += 1
    say(f"{equal} {'edition' if equal == 1 else 'editions'} equal to what left")
    if unproved:
        say(f"{unproved} cannot be proved: they were frozen before hashes were kept")
    if different:
        fail(f"{different} not what left: the rows of {named} were changed since")
