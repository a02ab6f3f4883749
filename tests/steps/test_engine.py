"""The engine keeps instants, and loses no update."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select

from newsletter.store.engine import reading, writing
from subscribers.models import Suppression


def test_instants_come_back_as_they_went(engine: Engine) -> None:
    """An aware instant is read back equal and in UTC, on every database."""
    at = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
    with writing(engine) as session:
        session.add(Suppression(email_key="a@b.example", reason="by hand", since=at))
    with reading(engine) as session:
        assert session.scalars(select(Suppression.since)).one() == at


def test_naive_instants_are_refused(engine: Engine) -> None:
    """A datetime without a zone never reaches the database."""
    with pytest.raises(Exception, match="naive datetime"), writing(engine) as session:  # noqa: PT012
        session.add(Suppression(email_key="a@b.example", reason="by hand", since=datetime(2026, 1, 1)))  # noqa: DTZ001
        session.flush()
