"""kill -9 within the alerts: each reader is told a story once, whoever dies, or a row says why not."""

from datetime import timedelta
from pathlib import Path

from newsletter.rendering.pieces import is_line
from tests.chaos.alert_storm import Doings
from tests.chaos.alert_world import alert_books, check_alerts, choose, corrects, open_alerts, was_wrong
from tests.chaos.books import check
from tests.chaos.conftest import Driver, MakeWorld
from tests.chaos.points import PORTION, Moment, Point
from tests.chaos.smtp_sink import smtp_sink
from tests.chaos.storm import blow
from tests.chaos.world import new_world

_LOOK, _CORRECT = "newsletter.alerts.looking:look", "newsletter.alerts.looking:look_for_corrections"
_RELEASE, _SPREAD, _MEND = (f"newsletter.alerting:{step}" for step in ("release_due", "spread", "mend"))
_MAIL, _FOLD = "newsletter.alerts.mailing:mail_due", "newsletter.alerts.budget:fold_withheld"
_CLAIM, _MARK, _RECORD = (f"newsletter.dispatch.dispatcher:{step}" for step in ("claim", "mark", "record"))
_CANCEL = "newsletter.alert_desk.letting_go:cancel"
#: a transaction in which somebody dies twice, to no avail, and then behind it
_THRICE = (Moment.INSIDE, Moment.RETURNED, Moment.COMMITTED)
_TWICE = (Moment.RETURNED, Moment.COMMITTED)
#: what alerts do, from the look at a story to its last mail: each of them dies one step further
POINTS = (
    Point("A1", _LOOK, Moment.CALLED),
    *(Point("A1", _LOOK, moment, statement="INSERT INTO alert ") for moment in _THRICE),
    # a portion, and another one
    *(Point("A2", _SPREAD, moment, statement="INSERT INTO alert_reader") for moment in _THRICE * 2),
    Point("A3", "newsletter.alerting:compile_pieces", Moment.RETURNED),
    Point("A3", "newsletter.alerting:to_json", Moment.COMMITTED),
    *(Point("A4", _MAIL, moment, statement="INSERT INTO delivery") for moment in _THRICE * 2),
    Point("A5", _CLAIM, Moment.RETURNED),
    Point("A5", _CLAIM, Moment.COMMITTED),
    Point("A5", _MARK, Moment.COMMITTED),
    Point("A5", _RECORD, Moment.RETURNED, nth=2),
)


def test_death_at_every_point_of_an_alert(driver: Driver, make_world: MakeWorld) -> None:
    """Wherever one after the other dies, the next goes on: every reader is alerted once, and told nothing
    twice; what is in doubt is repeated once."""
    world = make_world()
    open_alerts(world, seen_at=world.now - timedelta(minutes=30))
    for point in POINTS:
        driver.die(world, "tick_in_portions", point)
    world.finish()
    assert check(world) == {"accepted": 2 * len(world.readers)}
    books = check_alerts(world)
    # a portion died with its worker before it had left, and one behind that
    assert sum(row.repeats for row in books.mails) == 2 * PORTION
    assert world.sink.taken.total() == len(books.mails) + PORTION


def test_death_while_an_alert_of_the_editors_is_stopped(driver: Driver, make_world: MakeWorld) -> None:
    """It is released wholly or not at all, and cancelled wholly or not at all; then nobody gets it, and who
    was to get another story by the same mail gets that."""
    world = make_world()
    open_alerts(world, seen_at=world.now - timedelta(minutes=30))
    services = world.services()
    choose(services, "A treaty is signed", world.now - timedelta(minutes=10))
    services.engine.dispose()
    for moment in _TWICE:
        driver.die(world, "tick_in_portions", Point("A6", _RELEASE, moment))
    driver.die(world, "tick_in_portions", Point("A2", _SPREAD, Moment.COMMITTED, nth=2))
    driver.die(world, "tick_in_portions", Point("A4", _MAIL, Moment.COMMITTED))
    assert alert_books(world).mails
    for moment in _TWICE:
        driver.die(world, "cancel_alert", Point("A7", _CANCEL, moment))
    world.finish()
    check(world)
    books = check_alerts(world)
    [treaty] = [one.id for one in books.stories.values() if one.title == "A treaty is signed"]
    assert not [one for one in books.told if one[1] == treaty and one[3].startswith("alert/")]


def test_death_while_an_alert_is_corrected(driver: Driver, make_world: MakeWorld) -> None:
    """Wherever they die, each reader hears once that what an alert told them was wrong."""
    world = make_world()
    open_alerts(world, seen_at=world.now - timedelta(minutes=30))
    driver.live(world, "tick")
    services = world.services()
    was_wrong(services, "A model breaks out", world.now)
    services.engine.dispose()
    for point in (
        *(Point("A8", _CORRECT, moment, statement="UPDATE alert_reader") for moment in _THRICE),
        *(Point("A2", _SPREAD, moment) for moment in _TWICE),
        *(Point("A4", _MAIL, moment) for moment in _TWICE),
    ):
        driver.die(world, "tick_in_portions", point)
    world.finish()
    check(world)
    books = check_alerts(world)
    heard = [reader for reader, _, _, piece in books.told if corrects(piece)]
    assert sorted(heard) == sorted(world.readers)


def test_death_while_an_alert_is_left_to_the_digest(driver: Driver, make_world: MakeWorld) -> None:
    """Alerts that could not leave are mended wholly or not at all; the next digest tells their story."""
    world = make_world()
    open_alerts(world, seen_at=world.now - timedelta(minutes=30))
    driver.die(world, "tick", Point("A4", _MAIL, Moment.COMMITTED))
    world.now += timedelta(hours=24)
    for moment in _THRICE:
        driver.die(world, "tick", Point("A9", _MEND, moment, statement="UPDATE alert_reader"))
    world.finish()
    check(world)
    books = check_alerts(world)
    assert {row.state for row in books.rows} == {"folded"}
    [broken_out] = [one.id for one in books.stories.values() if "breaks out" in one.title]
    told = [reader for reader, story, _, piece in books.told if story == broken_out and not is_line(piece)]
    assert sorted(told) == sorted(world.readers)


def test_death_while_a_digest_is_put_off(driver: Driver, make_world: MakeWorld) -> None:
    """A digest beyond the day's mails is withheld with its stories folded, once; or not at all."""
    world = make_world()
    open_alerts(world, seen_at=world.now - timedelta(minutes=30), budgets=(1,))
    driver.die(world, "tick", Point("A10", _FOLD, Moment.INSIDE, statement="INSERT INTO alert_reader"))
    world.finish()
    assert check(world) == {"accepted": len(world.readers), "withheld": len(world.readers)}
    books = check_alerts(world)
    folds = [row.subscriber_id for row in books.rows if row.state == "folded"]
    assert sorted(folds) == sorted(world.readers)


def test_a_storm_over_alerts(database_url: str, tmp_path: Path) -> None:
    """Clocks and workers killed at random while stories break and change, editors choose and readers leave:
    nobody is told twice or too much, and nobody lost."""
    with smtp_sink(seed=3, trouble=0.03, seconds=0.01) as sink:
        world = new_world(tmp_path, database_url, sink, readers=60, letters=0, real_time=True)
        open_alerts(world, seen_at=world.now - timedelta(minutes=5), budgets=(20, 20, 3))
        services = world.services()
        doings = Doings(world, services)
        toll = blow(world, seed=3, blows=5, disturb=doings, is_over=doings.is_over)
        services.engine.dispose()
        assert toll.kills
        check_alerts(world)
