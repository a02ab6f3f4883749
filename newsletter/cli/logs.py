"""Logs: one event a line on stderr, in keys and values; in words for a terminal, as JSON for everything else.

People are numbers in them. What the libraries say goes the same way, from warnings on: at their lower
levels some of them tell addresses of pages, which may hold tokens.
"""

import logging
import re
import sys
from collections.abc import Sequence
from contextlib import suppress

import structlog
from structlog.processors import JSONRenderer, KeyValueRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

#: in each line, and first
KEYS = ("timestamp", "level", "event")


def configure_logs(level: int) -> None:
    """Log our events from `level` on."""
    processors = [*_SHARED, _renderer()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(),
    )
    # what Python uses as long as nobody hangs another handler in; it begins at warnings
    if logging.lastResort:
        formatter = ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, _renderer()], foreign_pre_chain=_SHARED
        )
        logging.lastResort.setFormatter(formatter)


class _Lines:
    """Lines on stderr. One that cannot be written is lost: a full disk under the log stops no mail."""

    def msg(self, line: str) -> None:
        with suppress(OSError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = msg


def _renderer() -> Processor:
    if sys.stderr.isatty():
        return KeyValueRenderer(key_order=KEYS)
    return JSONRenderer(ensure_ascii=False)


def _keys_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**{key: event[key] for key in KEYS if key in event}, **event}


def _without_rows(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Of a row that broke a rule, PostgreSQL tells the values, in a line of its own."""
    if "exception" in event:
        event["exception"] = re.sub(r"(?m)^(?:DETAIL|CONTEXT):.*\n?", "", event["exception"])
    return event


_SHARED: Sequence[Processor] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    _without_rows,
    _keys_first,
)
