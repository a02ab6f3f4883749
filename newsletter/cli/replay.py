"""The command that joins past editions again, and proves that they are what left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from newsletter.cli.issues import IssueId, find_issue, write_mail
from newsletter.cli.services import ready
from newsletter.cli.terminal import fail, say
from newsletter.models import Edition
from newsletter.replay import Replay, replay_issue
from newsletter.replay import replay as make_replay
from newsletter.store.engine import reading


def replay(
    issue: IssueId,
    edition: Annotated[int | None, typer.Option(help="Only the edition of this number.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder to write each edition to.")] = None,
) -> None:
    """Join the issue's editions again and compare them with what left; exit code 1 on a difference."""
    services = ready()
    equal, different, unproved = 0, 0, 0
    with reading(services.engine) as session:
        find_issue(session, issue)
        for one in _asked_for(session, issue, edition):
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
        fail(f"{different} not what left: the rows of issue {issue} were changed since")


def _asked_for(session: Session, issue: int, edition: int | None) -> Iterator[Replay]:
    if edition is None:
        yield from replay_issue(session, issue)
        return
    found = session.get(Edition, edition)
    if found is None or found.issue_id != issue or found.skipped:
        raise LookupError(f"issue {issue} mailed no edition {edition}")
    yield make_replay(session, found)
