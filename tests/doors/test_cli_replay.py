"""`newsletter issues replay`: past editions joined again and proved, for scripts."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update

from newsletter.models import Edition
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from tests.builders import a_story
from tests.command_line import Cli
from tests.doors.conftest import on_one_database
from tests.issues import PUBLISH, subscribe, tell


def a_past_issue(services: Services) -> None:
    """Two editions that left, and a reader who got nothing."""
    tell(services, a_story("Chips", audiences=("Investors",)), a_story("Laws", audiences=("Policymakers",)))
    for name in ("Investors", "Policymakers", "Engineers"):
        subscribe(services, f"{name}@reader.example", audiences=[name])
    tick(services, PUBLISH + timedelta(hours=3))


def test_all_editions_are_proved(services: Services, cli: Cli, tmp_path: Path) -> None:
    """Exit code 0 and how many are equal; with --out, each stands in the folder as it was frozen."""
    a_past_issue(services)
    done = cli("issues", "replay", "1", "--out", str(tmp_path / "past"))
    assert (done.code, done.out.strip()) == (0, "2 editions equal to what left")
    assert sorted(path.suffix for path in (tmp_path / "past").iterdir()) == [".html", ".html", ".txt", ".txt"]
    with writing(services.engine) as session:
        first, second = session.scalars(
            select(Edition.id).where(Edition.skipped.is_(None)).order_by(Edition.id)
        )
        session.execute(update(Edition).where(Edition.id == second).values(subject="Another"))
    done = cli("issues", "replay", "1")
    assert done.code == 1
    assert f"edition {second}: NOT what left" in done.out
    assert "1 edition equal to what left" in done.out
    assert "the rows of issue 1 were changed since" in done.err
    assert cli("issues", "replay", "1", "--edition", str(first)).code == 0
    assert cli("issues", "replay", "1", "--edition", str(second)).code == 1


@on_one_database
def test_what_was_not_mailed_has_no_replay(services: Services, cli: Cli) -> None:
    """A number that the issue did not mail is an error that names it; without hashes nothing is proved."""
    a_past_issue(services)
    with reading(services.engine) as session:
        skipped = session.scalars(select(Edition.id).where(Edition.skipped.is_not(None))).one()
    for edition in (skipped, 999):
        done = cli("issues", "replay", "1", "--edition", str(edition))
        assert (done.code, f"issue 1 mailed no edition {edition}" in done.err) == (1, True)
    assert cli("issues", "replay", "9").code == 1
    with writing(services.engine) as session:
        session.execute(update(Edition).values(content_hash=None))
    done = cli("issues", "replay", "1")
    assert (done.code, "2 cannot be proved" in done.out) == (0, True)
