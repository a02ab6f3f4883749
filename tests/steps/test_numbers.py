"""Numbers: days that are over are counted once, today is counted live, and nothing of a person is in them."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, insert, select

from newsletter.models import DayCount
from newsletter.numbers import keeping, over_time
from newsletter.numbers.csv_files import issues_csv, subscribers_csv
from newsletter.numbers.issues import issues_in_numbers
from newsletter.numbers.over_time import Moves, OverTime, by_day
from newsletter.store.engine import reading, writing
from newsletter.tasks import count_days
from newsletter.wiring import Services
from subscribers import consent, erasure, suppression
from subscribers.address import Address, parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Act, Consent, SuppressionReason
from tests.counted import ACCEPTED, ANN, counting, send, visit
from tests.people import FINGERPRINTS, fresh_address, known

TODAY = datetime(2026, 3, 3, 15, tzinfo=ACCEPTED.tzinfo)
DAY = timedelta(days=1)


def join(engine: Engine, at: datetime, *audiences: str, address: Address | None = None) -> Address:
    """Somebody whom an operator vouches for."""
    address = address or fresh_address()
    with writing(engine) as session:
        consent.attest(
            session,
            address,
            ["daily"],
            lens=Lens.of(audiences=audiences),
            source="fair",
            channel=Channel.COMMAND,
            fingerprints=FINGERPRINTS,
            now=at,
        )
    return address


def leave(engine: Engine, address: Address, at: datetime) -> None:
    with writing(engine) as session:
        who = known(session, address).public_id
        consent.unsubscribe(session, who, "daily", channel=Channel.ONE_CLICK, wording="Stop", now=at)


def counted(engine: Engine, now: datetime = TODAY) -> None:
    """What the tick does once an hour."""
    with writing(engine) as session:
        keeping.keep(session, keeping.count(session, now=now), now=now)


def shown(engine: Engine, now: datetime = TODAY, newsletter: str | None = None) -> OverTime:
    with reading(engine) as session:
        return over_time.over_time(session, 30, newsletter=newsletter, now=now)


def moves(found: OverTime, day: date) -> Moves:
    return next(one.moves for one in found.days if one.day == day)


def rows(engine: Engine) -> set[tuple[object, ...]]:
    columns = (DayCount.day, DayCount.newsletter, DayCount.what, DayCount.kind, DayCount.number)
    with reading(engine) as session:
        return set(map(tuple, session.execute(select(*columns))))


def test_days_are_counted_and_today_is_live(engine: Engine) -> None:
    """What came and went stands on its day, in total and by audience and way; today without any count."""
    first = join(engine, TODAY - 3 * DAY, "Investors", "Engineers")
    join(engine, TODAY - 2 * DAY)
    leave(engine, first, TODAY - DAY)
    counted(engine)
    join(engine, TODAY, "Investors")
    found = shown(engine)
    assert moves(found, TODAY.date() - 3 * DAY) == Moves(joined=1, confirmed=1)
    assert moves(found, TODAY.date() - DAY) == Moves(left=1)
    assert moves(found, TODAY.date()) == Moves(joined=1, confirmed=1)
    assert (found.total, found.total.net) == (Moves(joined=3, confirmed=3, left=1), 2)
    assert [one.readers for one in found.days[-5:]] == [0, 1, 2, 1, 2]
    assert {part.name: part.moves.net for part in found.by_audience} == {
        "investors": 1,
        "engineers": 0,
        "": 1,
    }
    assert {part.name: part.moves for part in found.by_channel} == {
        "command line": Moves(joined=3, confirmed=3),
        "one-click": Moves(left=1),
    }
    assert (found.missing, found.is_live) == (0, True)
    assert shown(engine, newsletter="weekly").total == Moves()


def test_counting_again_changes_nothing(engine: Engine) -> None:
    """The tick may count as often as it likes, and two clocks at once: each number is there once."""
    leave(engine, join(engine, TODAY - 3 * DAY, "Investors"), TODAY - DAY)
    with reading(engine) as one, reading(engine) as another:
        found = [keeping.count(session, now=TODAY) for session in (one, another)]
    for counts in found:
        with writing(engine) as session:
            keeping.keep(session, counts, now=TODAY)
    once = rows(engine)
    counted(engine)
    assert rows(engine) == once


def test_it_is_done_once_an_hour(services: Services) -> None:
    """Within the hour the tick looks no more; in the next, and on the next day, it does."""
    for now, is_due in (
        (TODAY, True),
        (TODAY + DAY / 48, False),
        (TODAY + DAY / 24, True),
        (TODAY + DAY, True),
    ):
        with reading(services.engine) as session:
            assert keeping.is_due(session, now=now) is is_due
        count_days(services, now)


def test_a_missing_day_is_counted_anew(engine: Engine) -> None:
    """A day that is not there, after a restore or a long rest, is missing on the page until it is counted."""
    join(engine, TODAY - 3 * DAY)
    counted(engine)
    with writing(engine) as session:
        session.execute(delete(DayCount).where(DayCount.day == TODAY.date() - 2 * DAY))
    assert shown(engine).missing == 1
    counted(engine)
    assert (shown(engine).missing, shown(engine).total.confirmed) == (0, 1)


def test_what_is_told_late_is_counted(engine: Engine) -> None:
    """An import brings lines of days that were counted: they are counted with them, and not twice."""
    address = join(engine, TODAY - 9 * DAY)
    counted(engine)
    with writing(engine) as session:
        line = {"act": Act.UNSUBSCRIBED, "channel": "import", "wording": "", "newsletters": ["daily"]}
        late = {**line, "subscriber_id": known(session, address).id, "at": TODAY - 5 * DAY}
        session.execute(insert(Consent), [late])
    counted(engine, TODAY + DAY / 24)
    found = shown(engine)
    assert moves(found, TODAY.date() - 5 * DAY) == Moves(left=1)
    assert found.total == Moves(joined=1, confirmed=1, left=1)


def test_an_erased_reader_leaves_counts_that_add_up(engine: Engine) -> None:
    """They left, were here before, and no count holds anything of theirs."""
    gone, stays = join(engine, TODAY - 3 * DAY, "Investors"), join(engine, TODAY - 3 * DAY)
    counted(engine, TODAY - DAY)
    with writing(engine) as session:
        erasure.erase(session, gone, channel=Channel.LINK, fingerprints=FINGERPRINTS, now=TODAY - DAY / 2)
    counted(engine)
    found = shown(engine)
    assert found.total == Moves(joined=2, confirmed=2, left=1)
    assert [one.readers for one in found.days[-4:]] == [2, 2, 2, 1]
    kept = str(rows(engine))
    assert gone.mailbox not in kept
    assert stays.mailbox not in kept


def test_a_leaving_undone_after_midnight_is_taken_back(engine: Engine) -> None:
    """The day before keeps it, the day of the undo takes it back, and the sum is nobody."""
    address = join(engine, TODAY - 9 * DAY)
    midnight = datetime(2026, 3, 2, tzinfo=TODAY.tzinfo)
    leave(engine, address, midnight - DAY / 480)
    with writing(engine) as session:
        line = {"act": Act.RESTORED, "channel": "link", "wording": "", "newsletters": ["daily"]}
        undone = {**line, "subscriber_id": known(session, address).id, "at": midnight + DAY / 480}
        session.execute(insert(Consent), [undone])
    counted(engine)
    found = shown(engine)
    assert [one.moves.left for one in found.days[-3:]] == [1, -1, 0]
    assert found.total.left == 0


def test_suppressions_are_counted_by_reason(engine: Engine) -> None:
    """An address that was closed counts on its day, and by why; it belongs to no newsletter."""
    with writing(engine) as session:
        for email, reason in (("a", "BOUNCED"), ("b", "BOUNCED"), ("c", "COMPLAINED")):
            address, at = parse(f"{email}@mail.example"), TODAY - DAY
            why = SuppressionReason[reason]
            suppression.suppress(session, address, why, fingerprints=FINGERPRINTS, now=at)
    counted(engine)
    found = shown(engine)
    assert found.suppressed == {"bounced": 2, "complained": 1}
    assert [one.suppressed for one in found.days[-2:]] == [3, 0]
    assert shown(engine, newsletter="daily").suppressed == {}


def test_a_day_too_full_is_counted_when_it_is_over(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a large import the page does not count while somebody waits, and says so."""
    monkeypatch.setattr(over_time, "LIVE", 1)
    for _ in range(2):
        join(engine, TODAY)
    found = shown(engine)
    assert (found.is_live, found.total) == (False, Moves())
    counted(engine, TODAY + DAY)
    assert shown(engine, TODAY + DAY).total.joined == 2


def test_an_issue_is_counted_while_it_is_fresh(services: Services) -> None:
    """What became of its mails, who left after it, and its opens where they are counted, once an hour."""
    services = counting(services, "links")
    send(services)
    leave(services.engine, parse(ANN), ACCEPTED + DAY / 24)
    later = ACCEPTED + DAY / 12
    counted(services.engine, later)
    visit(services, 0)
    with reading(services.engine) as session:
        [found] = issues_in_numbers(session, 30, now=later)
    assert {what: found.counts[what] for what in ("frozen", "accepted", "refused", "left", "opened")} == {
        "frozen": 2,
        "accepted": 2,
        "refused": 0,
        "left": 1,
        "opened": 0,
    }
    assert (found.rate("left"), found.rate("nothing")) == (0.5, None)
    counted(services.engine, later + DAY / 24)
    with reading(services.engine) as session:
        [found] = issues_in_numbers(session, 30, now=later)
    assert found.counts["opened"] == 1
    assert issues_csv([found]).splitlines()[1].startswith("2026-01-08,daily,1,")


def test_the_file_holds_each_part_of_each_day(engine: Engine) -> None:
    """A line a day, newsletter and part; no cell begins as a spreadsheet's formula does."""
    join(engine, TODAY - DAY, "=Founders")
    counted(engine)
    with reading(engine) as session:
        text = subscribers_csv(by_day(session, 30, now=TODAY), {"=founders": "=Founders"})
    assert text.splitlines() == [
        "day,newsletter,part,joined,confirmed,paused,left,net",
        "2026-03-02,daily,all,1,1,0,0,1",
        "2026-03-02,daily,audience: =Founders,1,1,0,0,1",
        "2026-03-02,daily,by: command line,1,1,0,0,1",
    ]
