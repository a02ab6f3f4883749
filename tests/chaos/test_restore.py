"""Yesterday's database put back: nothing that left since is handed over once more."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.tick import tick
from tests.chaos.books import opened
from tests.chaos.conftest import Driver, MakeWorld
from tests.chaos.points import Moment, Point
from tests.chaos.storm import prepare
from tests.chaos.warm import WarmMachine

#: when the copy was made, by what a process had done until then
MADE = {
    "before it was planned": None,
    "before it was published": Point("C2", "newsletter.tick:publish", Moment.CALLED),
    "before any left": Point("C3", "newsletter.tick:publish", Moment.COMMITTED),
    "while it was leaving": Point("C6", "newsletter.dispatch.dispatcher:record", Moment.COMMITTED, nth=2),
}


def copy(file: Path, to: Path) -> None:
    """As a backup is made of a file that is in use."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("made", MADE)
def test_a_file_put_back_sends_nothing_again(
    driver: Driver, make_world: MakeWorld, tmp_path: Path, made: str
) -> None:
    """`newsletter deliveries after-restore`, then business as usual: nobody twice, and all rows say why."""
    world = make_world()
    file, backup = Path(world.url.partition("///")[2]), tmp_path / "backup.db"
    if point := MADE[made]:
        driver.die(world, "tick", point)
    copy(file, backup)
    world.finish()
    before = world.sink.taken.total()
    assert before > len(world.readers) / 2
    copy(backup, file)
    later = world.now + timedelta(hours=5)
    prepare(world)
    with WarmMachine(world.environ) as machine:
        assert machine.start("deliveries", "after-restore", "--at", later.isoformat()).end() == 0
    services = world.services()
    for hours in range(3):
        tick(services, later + timedelta(hours=hours))
    services.engine.dispose()
    books = opened(world)
    assert world.sink.taken.total() == before
    assert set(world.sink.taken.values()) == {1}
    assert {issue.state for issue in books.issues} <= {"finished", "expired"}
    assert {row.state for row in books.rows} <= {"accepted", "unknown"}
    assert all(row.reason for row in books.rows if row.state == "unknown")
