"""`among`: a set of ids as one parameter, which asks what `IN` asks."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Engine, delete, event, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from newsletter.store.engine import reading, writing
from subscribers.among import among, one_of

LARGEST = 2**63 - 1
#: what an id may be in any of our tables, and some that no row has
KNOWN = (-LARGEST - 1, -1, 0, 1, 2, 3, 1_000, 2**31, 2**53 + 1, LARGEST)


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "among_row"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    parent: Mapped[int | None] = mapped_column(BigInteger)


@pytest.fixture
def table(engine: Engine) -> Iterator[Engine]:
    """A row of each known id, each its own parent but for one that has none."""
    Base.metadata.create_all(engine)
    with writing(engine) as session:
        session.execute(insert(Row), [{"id": n, "parent": None if n == 3 else n} for n in KNOWN])
    yield engine
    Base.metadata.drop_all(engine)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(st.sampled_from(KNOWN) | st.integers(-LARGEST - 1, LARGEST), max_size=20))
def test_it_finds_what_in_finds(table: Engine, wanted: list[int]) -> None:
    """For any ids, twice or unknown or none at all, the rows are those that `IN` finds, in either way."""
    with reading(table) as session:
        by_one = session.scalars(select(Row.id).where(among(Row.id, wanted)).order_by(Row.id)).all()
        by_many = session.scalars(select(Row.id).where(Row.id.in_(wanted)).order_by(Row.id)).all()
        assert by_one == by_many
        assert session.scalars(select(Row.id).where(one_of(Row.id, wanted)).order_by(Row.id)).all() == by_many


def test_nothing_is_among_none(table: Engine) -> None:
    """Of no ids at all nothing is found, and nothing changed or deleted."""
    with writing(table) as session:
        assert session.scalars(select(Row).where(among(Row.id, []))).all() == []
        assert session.scalars(delete(Row).where(among(Row.id, set())).returning(Row.id)).all() == []
        assert len(session.scalars(select(Row)).all()) == len(KNOWN)


def test_a_row_without_a_value_is_among_nothing(table: Engine) -> None:
    """Where the column is null, the row is neither found nor counted as left out."""
    with reading(table) as session:
        assert session.scalars(select(Row.id).where(among(Row.parent, [1, 3]))).all() == [1]
        assert 3 not in session.scalars(select(Row.id).where(~among(Row.parent, [1]))).all()


def test_any_collection_will_do(table: Engine) -> None:
    """A set, a tuple or the keys of a mapping, as well as a list; it is read once and not changed."""
    with reading(table) as session:
        for ids in ({1, 2}, (1, 2), {1: "one", 2: "two"}.keys(), frozenset({1, 2})):
            assert set(session.scalars(select(Row.id).where(among(Row.id, ids)))) == {1, 2}


def test_it_changes_and_deletes(table: Engine) -> None:
    """It stands in UPDATE and DELETE as in SELECT, beside other parameters."""
    with writing(table) as session:
        session.execute(update(Row).where(among(Row.id, [1, 2]), Row.id > 1).values(parent=7))
        gone = session.scalars(delete(Row).where(among(Row.id, [1, 3]), Row.id < 3).returning(Row.id))
        assert gone.all() == [1]
    with reading(table) as session:
        assert session.scalars(select(Row.id).where(Row.parent == 7)).all() == [2]


def test_twice_in_one_statement(table: Engine) -> None:
    """Each has its own ids."""
    with reading(table) as session:
        both = select(Row.id).where(among(Row.id, [1, 2, 3]), among(Row.parent, [2, 1_000]))
        assert session.scalars(both).all() == [2]


def test_the_statement_is_the_same_whatever_their_number(table: Engine) -> None:
    """One text and one parameter for one id and for a hundred thousand, so that it is prepared once."""
    heard: list[tuple[str, int]] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        assert isinstance(parameters, tuple | dict)
        heard.append((statement, len(parameters)))

    event.listen(table, "before_cursor_execute", hear)
    with Session(table) as session:
        for number in (0, 1, 100_000):
            found = session.scalars(select(Row.id).where(among(Row.id, range(number)))).all()
            assert len(found) == len([n for n in KNOWN if 0 <= n < number])
    event.remove(table, "before_cursor_execute", hear)
    selects = {one for one in heard if one[0].startswith("SELECT among_row")}
    assert [parameters for _, parameters in selects] == [1]
