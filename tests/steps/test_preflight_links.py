"""Links followed over a real network, slow, wrong or hostile: bounded, and never to a machine of ours."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from newsletter.internet import is_public, resolve
from newsletter.preflight import links
from newsletter.preflight.followed import Followed, Trouble
from newsletter.preflight.links import Offline, follow

Answer = Callable[[str, str], tuple[int, str | None]]


class Site:
    """Answers under every name that ends in `.site.example`; what it was asked stays in `asked`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[tuple[str, str, str]] = []
        self.at_once: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.answer: Answer = lambda _method, _path: (200, None)

    def url(self, path: str = "/report", name: str = "a") -> str:
        return f"http://{name}.site.example:{self.port}{path}"


@contextmanager
def a_site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            host = self.headers["host"].partition(":")[0]
            with lock:
                site.asked.append((self.command, host, self.path))
                for key in (host, "all"):
                    site.at_once[key] += 1
                    site.most[key] = max(site.most[key], site.at_once[key])
            try:
                status, location = site.answer(self.command, self.path)
                self.send_response(status)
                if location:
                    self.send_header("location", location)
                self.send_header("content-length", "0")
                self.end_headers()
            finally:
                with lock:
                    site.at_once.subtract((host, "all"))

        def do_GET(self) -> None:
            self.do_HEAD()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site on the internet, as far as anybody can see: its names are public, its machine is this one."""

    def resolve_here(host: str, port: int | None) -> list[IPv4Address | IPv6Address]:
        if host.endswith(".site.example"):
            return [ip_address("127.0.0.1")]
        return resolve(host, port)

    def is_public_too(address: IPv4Address | IPv6Address) -> bool:
        return str(address) == "127.0.0.1" or is_public(address)

    monkeypatch.setattr(links, "resolve", resolve_here)
    monkeypatch.setattr(links, "is_public", is_public_too)
    with a_site() as opened:
        yield opened


def followed(*urls: str) -> list[Followed]:
    told: list[Followed] = []
    follow(urls, told.append)
    return sorted(told, key=lambda each: urls.index(each.url))


def test_a_link_that_is_there(site: Site) -> None:
    """A page that answers HEAD is asked once, and nothing of it is read."""
    assert followed(site.url()) == [Followed(site.url(), 200)]
    assert site.asked == [("HEAD", "a.site.example", "/report")]


@pytest.mark.parametrize("refusal", [403, 404, 405, 501])
def test_sites_that_do_not_answer_head(site: Site, refusal: int) -> None:
    """Where HEAD is refused, GET decides."""
    site.answer = lambda method, _path: (refusal if method == "HEAD" else 200, None)
    assert followed(site.url()) == [Followed(site.url(), 200)]


def test_redirects_are_followed(site: Site) -> None:
    """Up to five redirects are followed, to other hosts and relative ones; without end they are given up."""
    steps = {f"/{n}": (302, f"/{n + 1}") for n in range(1, 5)} | {"/5": (301, site.url("/6", "b"))}
    site.answer = lambda _method, path: steps.get(path, (200, None))
    assert followed(site.url("/1")) == [Followed(site.url("/1"), 200, site.url("/6", "b"))]
    site.answer = lambda _method, path: (302, path + "x")
    (endless, answered) = _with_an_answer(site, site.url("/1"))
    assert endless.trouble is Trouble.ENDLESS
    assert answered.status == 200


def _with_an_answer(site: Site, url: str) -> list[Followed]:
    """The link, beside one that answers: else all would be taken for offline."""
    usual = site.answer
    site.answer = lambda method, path: (200, None) if path == "/fine" else usual(method, path)
    return followed(url, site.url("/fine", "z"))


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706434/",
        "http://0x7f.2/",
        "file:///etc/passwd",
        "ftp://a.site.example/",
        "http://user@a.site.example/",
    ],
)
def test_no_machine_of_ours(site: Site, target: str) -> None:
    """A link, or a redirect, into a private network is refused before anything connects."""
    site.answer = lambda _method, path: (302, target) if path == "/report" else (200, None)
    redirected, _ = _with_an_answer(site, site.url())
    assert (redirected.status, redirected.trouble) == (None, Trouble.PRIVATE)
    direct, _ = followed(target, site.url("/fine", "z"))
    assert (direct.status, direct.trouble) == (None, Trouble.PRIVATE)


def test_every_address_of_a_name_counts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to a public and to a private address is refused."""
    both = [ip_address("127.0.0.1"), ip_address("10.0.0.1")]
    monkeypatch.setattr(links, "resolve", lambda host, _port: both if host[0] == "a" else both[:1])
    refused, answered = _with_an_answer(site, site.url())
    assert refused.trouble is Trouble.PRIVATE
    assert answered.status == 200
    assert {host for _, host, _ in site.asked} == {"z.site.example"}


def test_slow_sites_hold_nobody_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that does not answer is given up after its time, and the others are answered meanwhile."""
    monkeypatch.setattr(links, "TIMEOUT", 1.5)
    over = threading.Event()

    def answer(_method: str, path: str) -> tuple[int, None]:
        if path == "/slow":
            over.wait(10)
        return 200, None

    site.answer = answer
    began = time.monotonic()
    found = followed(site.url("/slow", "slow"), *(site.url("/x", f"n{n}") for n in range(10)))
    over.set()
    assert time.monotonic() - began < 5
    assert [each.trouble for each in found] == [Trouble.SLOW, *[None] * 10]


def test_one_at_a_time_per_host(site: Site) -> None:
    """A host is asked one link at a time, and no more than eight hosts at once."""

    def answer(_method: str, _path: str) -> tuple[int, None]:
        time.sleep(0.02)
        return 200, None

    site.answer = answer
    urls = [site.url(f"/{n}", f"n{n % 12}") for n in range(36)]
    assert {each.status for each in followed(*urls)} == {200}
    assert site.most.pop("all") <= links.AT_ONCE
    assert set(site.most.values()) == {1}


def test_no_more_than_so_many(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many links only the first are followed."""
    monkeypatch.setattr(links, "MOST", 3)
    assert len(followed(*(site.url(f"/{n}") for n in range(5)))) == 3


def test_offline(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing answers at all, that is said instead of calling every link dead; and it is said soon."""

    def nowhere(_host: str, _port: int | None) -> list[IPv4Address | IPv6Address]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(links, "resolve", nowhere)
    told: list[Followed] = []
    with pytest.raises(Offline):
        follow([site.url(f"/{n}") for n in range(150)], told.append)
    assert len(told) < links.ENOUGH
    with pytest.raises(Offline):
        follow([site.url()], told.append)


def test_a_name_that_leads_nowhere(site: Site) -> None:
    """Beside links that answer, a name that nobody has is told as such."""
    dead, _ = _with_an_answer(site, "https://nobody.invalid/x")
    assert dead.trouble in (Trouble.NO_NAME, Trouble.NO_NETWORK)
