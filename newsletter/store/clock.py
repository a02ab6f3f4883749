"""The database's own clock: leases are kept by it, since the clocks of the workers may differ."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from subscribers.columns import UTCDateTime


class _DatabaseNow(FunctionElement[datetime]):
    type = UTCDateTime()
    inherit_cache = True


@compiles(_DatabaseNow, "postgresql")
def _postgresql(_element: _DatabaseNow, _compiler: Any, **_: Any) -> str:
    return "clock_timestamp()"


@compiles(_DatabaseNow, "sqlite")
def _sqlite(_element: _DatabaseNow, _compiler: Any, **_: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


def database_now(session: Session) -> datetime:
    """The present instant as the database sees it, in UTC."""
    now: datetime | None = session.scalar(select(_DatabaseNow()))
    assert now is not None
    return now
