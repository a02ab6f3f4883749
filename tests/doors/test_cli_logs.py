"""Logs: one event a line that a program can read, whoever says it, and nobody's address in it."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from newsletter.cli.logs import configure_logs
from newsletter.store.engine import writing
from subscribers.models import Suppression
from tests.people import NOW


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    configure_logs(logging.INFO)
    yield
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no terminal listens, a line is JSON with time, level and event first, whatever the values."""
    structlog.get_logger().warning("tidied", expired=3, words='two\nlines and a "quote"')
    (line,) = lines(capsys)
    assert list(line) == ["timestamp", "level", "event", "expired", "words"]
    assert (line["level"], line["event"], line["expired"]) == ("warning", "tidied", 3)
    assert line["timestamp"].endswith("Z")


def test_a_traceback_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A fault of ours is one event as well, with its traceback in it."""
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger().exception("interrupted")
    (line,) = lines(capsys)
    assert "RuntimeError: broken" in line["exception"]


def test_a_person_reads_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal a line is keys and values, without the signs of JSON."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure_logs(logging.INFO)
    structlog.get_logger().info("issue", issue=1)
    assert capsys.readouterr().err.endswith("level='info' event='issue' issue=1\n")


def test_libraries_speak_alike() -> None:
    """What a library warns of is such a line too; what it only mentions, such as a URL, is not said."""
    program = """
import logging
from newsletter.cli.logs import configure_logs
configure_logs(logging.INFO)
logging.getLogger("httpx").info("HTTP Request: POST https://crm.example/?token=canary")
logging.getLogger("uvicorn.error").error("it %s", "broke")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert (json.loads(line)["level"], json.loads(line)["event"]) == ("error", "it broke")


def test_the_database_names_nobody(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """When a row breaks a rule, what is logged tells which rule, and nothing that stands in the row."""

    def add() -> None:
        with writing(engine) as session:
            session.add(Suppression(email_key="tweety@yellowbird.example", reason="by hand", since=NOW))

    add()
    try:
        add()
    except IntegrityError:
        structlog.get_logger().exception("interrupted")
    (line,) = lines(capsys)
    assert "suppression" in line["exception"]
    assert "yellowbird" not in json.dumps(line)
