"""What holds for every process that serves: schema, clock, pulse, and troubles told once."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from newsletter import pulses
from newsletter.models import Pulse
from newsletter.serving import Duty, steady
from newsletter.store.engine import reading, writing


def test_a_wrong_clock_rests_until_it_is_right(engine: Engine) -> None:
    """A machine whose clock is off by minutes takes up nothing, says so once, and goes on by itself."""
    wrong = timedelta(minutes=3)
    duty = Duty(engine, ["worker"], clock=lambda: datetime.now(UTC) + wrong)
    with capture_logs() as logs:
        duty.look()
        duty.look()
        assert (duty.resting(), duty.leaving()) == (True, False)
        wrong = timedelta(seconds=30)
        duty.look()
    assert not duty.resting()
    assert [line["event"] for line in logs] == ["clock_is_wrong", "clock_is_right_again"]


def test_a_clock_set_in_mid_run_changes_nothing_that_is_due(engine: Engine) -> None:
    """What is due is told by the database's time: a clock that leaps a month is not heard."""
    leap = timedelta()
    duty = Duty(engine, ["clock"], clock=lambda: datetime.now(UTC) + leap)
    duty.look()
    leap = timedelta(days=31)
    assert abs(duty.now() - datetime.now(UTC)) < timedelta(seconds=30)
    duty.look()
    assert abs(duty.now() - datetime.now(UTC)) < timedelta(seconds=30)
    assert duty.resting()


def test_a_newer_schema_ends_the_service(engine: Engine) -> None:
    """A process whose database another program has migrated leaves, with the reason and the remedy."""
    duty = Duty(engine, ["web"])
    duty.look()
    assert not duty.leaving()
    with writing(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    duty.look()
    assert duty.leaving()
    assert "update the program" in str(duty.fault)


def test_a_fault_outlives_a_signal(engine: Engine) -> None:
    """Asked to leave after it had to, a process still ends in failure."""
    duty = Duty(engine, ["web"])
    duty.leave("the floor is wet")
    duty.leave()
    assert duty.fault == "the floor is wet"


def test_each_role_of_a_process_is_seen(engine: Engine) -> None:
    """One process in two roles has two pulses, which stay two however often it is seen."""
    duty = Duty(engine, ["clock", "worker"])
    for _ in range(3):
        duty.beat()
    with reading(engine) as session:
        seen = session.scalars(select(Pulse).order_by(Pulse.role)).all()
        assert [pulse.role for pulse in seen] == ["clock", "worker"]
        assert len({pulse.process for pulse in seen}) == 2
        assert all(pulse.seen_at > pulse.started_at for pulse in seen)
        assert pulses.unseen(session) == []


def test_who_is_silent_is_missed_and_then_forgotten(engine: Engine) -> None:
    """After a minute of silence a role counts as missing; after a day nothing is left of the process."""
    Duty(engine, ["clock", "worker"]).beat()
    age(engine, "worker", timedelta(seconds=70))
    with reading(engine) as session:
        assert pulses.unseen(session) == ["worker"]
    age(engine, "worker", timedelta(days=1))
    Duty(engine, ["web"]).beat()
    with reading(engine) as session:
        assert set(session.scalars(select(Pulse.role))) == {"clock", "web"}
        assert pulses.unseen(session) == ["worker"]


def age(engine: Engine, role: str, by: timedelta) -> None:
    with writing(engine) as session:
        seen_at = session.scalars(select(Pulse.seen_at).where(Pulse.role == role)).one()
        session.execute(update(Pulse).where(Pulse.role == role).values(seen_at=seen_at - by))


def test_trouble_is_told_once() -> None:
    """What fails again and again is logged once, by its reason, and once when it is over."""

    def fail() -> None:
        if troubles:
            raise troubles[0]

    troubles: list[Exception] = [OperationalError("SELECT 1", {}, Exception("database is locked"))]
    action = steady("sweep", fail)
    with capture_logs() as logs:
        for _ in range(5):
            action()
        troubles[0] = ZeroDivisionError()
        action()
        troubles.clear()
        for _ in range(3):
            action()
    assert [(line["event"], line["what"]) for line in logs] == [
        ("interrupted", "sweep"),
        ("interrupted", "sweep"),
        ("resumed", "sweep"),
    ]
    assert logs[0]["reason"] == "database is locked"
    assert logs[1]["exc_info"]
