"""Posting to hooks over a slow, wrong or hostile network: it harms nobody, and leads nowhere else."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from newsletter.hooks import posting
from newsletter.hooks.posting import LEASE, post_due
from newsletter.hooks.registry import PostState
from newsletter.serving import PATIENCE
from newsletter.wiring import Services
from tests.certificate import certificate
from tests.feedback import NOW
from tests.hook_receiver import Receiver, a_hook, fates, happen, hook_receiver, slowly

MINUTE = timedelta(minutes=1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with hook_receiver() as receiver:
        yield receiver


def test_no_answer(services: Services) -> None:
    """A receiver that is not there is waited for; the words say what happened, and no address."""
    with hook_receiver() as closed:
        url = closed.url
    hook = a_hook(services, url)
    happen(services)
    post_due(services.engine, NOW)
    assert fates(services, hook) == [(PostState.WAITING, "no answer: ConnectError")]


def test_a_dead_hook_harms_no_other(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one receiver does not answer, all that another is to be told reaches it meanwhile."""
    monkeypatch.setattr(posting, "TIMEOUT", 2.0)
    with hook_receiver() as slow:
        slow.answer = slowly(3)
        dead, alive = a_hook(services, slow.url), a_hook(services, receiver.url)
        happen(services, 60)
        round_of_posts = threading.Thread(target=post_due, args=(services.engine, NOW))
        began = time.monotonic()
        round_of_posts.start()
        while len(receiver.told) < 60 and time.monotonic() < began + 10:
            time.sleep(0.01)
        assert time.monotonic() - began < 2.0
        round_of_posts.join()
    assert {state for state, _ in fates(services, alive)} == {PostState.DONE}
    assert [answer for _, answer in fates(services, dead) if answer] == ["no answer: TimeoutError"] * 8


def test_a_name_that_turned_home(services: Services, receiver: Receiver) -> None:
    """What a name leads to is looked at each time: an https hook that now leads here is not connected to."""
    hook = a_hook(services, receiver.url.replace("http://127.0.0.1", "https://localhost"))
    happen(services)
    post_due(services.engine, NOW)
    ((state, answer),) = fates(services, hook)
    assert state == PostState.WAITING
    assert answer is not None
    assert answer.startswith("not posted: it leads to ")
    assert receiver.told == []


def test_no_second_look_up(services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was looked at is the one that is connected to, whatever the name says meanwhile."""
    url = receiver.url.replace("127.0.0.1", "crm.example")
    a_hook(services, url)
    happen(services)
    monkeypatch.setattr(posting, "addresses", lambda _url: ["127.0.0.1"])
    assert post_due(services.engine, NOW) == 1
    (told,) = receiver.told
    assert told.headers["host"] == url.removeprefix("http://")


def test_the_next_address_of_a_name(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first address of a name does not answer, the next one is tried."""
    monkeypatch.setattr(posting, "addresses", lambda _url: ["127.0.0.2", "127.0.0.1"])
    hook = a_hook(services, receiver.url)
    happen(services)
    post_due(services.engine, NOW)
    assert fates(services, hook) == [(PostState.DONE, "204")]


def test_a_server_that_dribbles(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends a byte now and then holds a post no longer than its whole time."""
    monkeypatch.setattr(posting, "TIMEOUT", 1.0)

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def dribble() -> None:
            connection, _ = listening.accept()
            with connection:
                for sign in b"HTTP/1.1 204 No Content\r\n" * 2:
                    try:
                        connection.send(bytes([sign]))
                    except OSError:
                        return
                    time.sleep(0.2)

        thread = threading.Thread(target=dribble)
        thread.start()
        hook = a_hook(services, "http://127.0.0.1:{1}".format(*listening.getsockname()))
        happen(services)
        began = time.monotonic()
        post_due(services.engine, NOW)
        assert time.monotonic() - began < 3
        thread.join()
    assert fates(services, hook) == [(PostState.WAITING, "no answer: TimeoutError")]


def test_a_process_still_leaves_in_time() -> None:
    """A round of posts with one in hand is over before a process that was told to leave is ended."""

    assert posting.BRIEFLY + posting.TIMEOUT < PATIENCE
    assert timedelta(seconds=posting.TIMEOUT) + MINUTE < LEASE


@pytest.mark.parametrize(
    ("name", "answer"), [("localhost", "204"), ("crm.example", "no answer: ConnectError")]
)
def test_the_certificate_is_that_of_the_name(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, answer: str
) -> None:
    """By https the receiver proves the name of the URL, although its address is what is connected to."""
    files = certificate(tmp_path)
    monkeypatch.setattr(posting, "addresses", lambda _url: ["127.0.0.1"])
    trusting = ssl.create_default_context(cafile=files[0])
    monkeypatch.setattr(posting, "_web", lambda: httpx.AsyncClient(verify=trusting, trust_env=False))
    with hook_receiver(files) as receiver:
        hook = a_hook(services, receiver.url.replace("localhost", name))
        happen(services)
        post_due(services.engine, NOW)
        assert [said for _, said in fates(services, hook)] == [answer]
        assert len(receiver.told) == (answer == "204")
