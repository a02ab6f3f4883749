"""The doors that count: a link leads where its row says and nowhere else, and the picture always comes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import func, select, update

from newsletter.links import CountedLinks, reader_mark
from newsletter.models import Hit, Issue, Link, ReaderHit
from newsletter.store.engine import open_engine, reading, writing
from newsletter.web.app import create_app
from newsletter.web.tracking import PICTURE
from subscribers.tokens import Purpose, Tokens
from tests.counted import ACCEPTED, ANN, BOB, FIREFOX, TARGET, counting, delivery_to, hits, link_to, send
from tests.doors.conftest import Web, on_one_database
from tests.web_server import WebServer

EVIL = "https://evil.example/"
JUNK = [
    EVIL,
    "//evil.example",
    "/\\evil.example",
    "\\evil.example",
    "%2f%2fevil.example",
    "https:evil.example",
    "//%09evil.example",
    "@evil.example",
    "?url=https://evil.example",
    "..%2f..%2f",
    "%00",
    "%ED%A0%80",
    "x" * 10_000,
    "preview",
    "",
]


def open_counting(web: Web, web_stage: WebServer, tracking: str = "readers") -> None:
    """The daily counts so, and went to Ann, who agreed to be counted, and to Bob, who did not."""
    web.services = counting(web.services, tracking)
    web_stage.app = create_app(web.services, clock=lambda: web.now)
    web.client.headers["user-agent"] = FIREFOX
    web.now = ACCEPTED + timedelta(minutes=20)
    send(web.services)


def link(web: Web, number: int, reader: str = "") -> str:
    return CountedLinks(web.url, web.services.tokens).follow(number).replace("@@reader@@", reader)


def picture(web: Web, issue_id: int, reader: str = "") -> str:
    return CountedLinks(web.url, web.services.tokens).opened(issue_id).replace("@@reader@@", reader)


def counted(web: Web, web_stage: WebServer) -> dict[tuple[int, str], int]:
    """What came of all visits so far."""
    web_stage.rest()
    return hits(web.services)


def numbers(web: Web) -> tuple[int, int, int]:
    """The story's link, the issue, Ann's mail."""
    with reading(web.services.engine) as session:
        number = link_to(session)
        return number, session.get_one(Link, number).issue_id, delivery_to(session, ANN)


def test_a_link_leads_where_its_row_says(web: Web, web_stage: WebServer) -> None:
    """A click is answered by a redirect to the target, without cookie, cache or referrer, and counted."""
    open_counting(web, web_stage)
    number, _, ann = numbers(web)
    for reader in ("", reader_mark(web.services.tokens, ann)):
        answer = web.client.get(link(web, number, reader))
        assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert "set-cookie" not in answer.headers
    assert counted(web, web_stage) == {(number, "reader"): 2}
    with reading(web.services.engine) as session:
        assert session.scalars(select(ReaderHit.delivery_id)).all() == [ann]


def test_the_picture_is_a_picture(web: Web, web_stage: WebServer) -> None:
    """43 bytes that no cache keeps and that bring no cookie; who loads them is counted."""
    open_counting(web, web_stage)
    _, issue_id, ann = numbers(web)
    for reader in ("", reader_mark(web.services.tokens, ann)):
        answer = web.client.get(picture(web, issue_id, reader))
        assert (answer.status_code, answer.content, len(answer.content)) == (200, PICTURE, 43)
        assert answer.headers["content-type"] == "image/gif"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
    assert counted(web, web_stage) == {(0, "reader"): 2}


def test_the_links_of_a_real_mail_work(web: Web, web_stage: WebServer) -> None:
    """Every counted link of a mail that went out leads to a page of the story, for both readers."""
    open_counting(web, web_stage)
    with reading(web.services.engine) as session:
        targets = set(session.scalars(select(Link.url)))
    for mail in web.services.settings.mail_folder.glob("*.eml"):
        text = mail.read_text().replace("=\n", "").replace("=3D", "=")
        found = {part.partition('"')[0] for part in text.split('href="')[1:]}
        ways = [href for href in found if "/l/" in href]
        assert len(ways) == len(targets)
        # the mail was made for the address in the settings, the test's server has another
        paths = ["/l/" + way.partition("/l/")[2] for way in ways]
        assert {web.client.get(path).headers["location"] for path in paths} == targets


def test_head_never_counts(web: Web, web_stage: WebServer) -> None:
    """HEAD is answered like GET, and is nobody's visit."""
    open_counting(web, web_stage)
    number, issue_id, ann = numbers(web)
    mark = reader_mark(web.services.tokens, ann)
    assert web.client.head(link(web, number, mark)).headers["location"] == TARGET
    assert web.client.head(picture(web, issue_id, mark)).status_code == 200
    assert counted(web, web_stage) == {}


@pytest.mark.parametrize("junk", JUNK)
@on_one_database
def test_no_other_address_is_ever_led_to(web: Web, web_stage: WebServer, junk: str) -> None:
    """Whatever stands in place of a link, or around one, is 404, or leads to the link's own target."""
    open_counting(web, web_stage)
    number, issue_id, _ = numbers(web)
    own = link(web, number)
    for url in (f"/l/{junk}", f"/l/{junk}/{junk}", f"{own}{junk}", f"{own}/{junk}", f"{own}?{junk}"):
        answer = web.client.get(url)
        assert answer.status_code in (302, 404, 405), url
        assert answer.headers.get("location", TARGET) == TARGET, url
        assert "evil" not in answer.text
    for url in (f"/o/{junk}", f"/o/{junk}/{junk}", f"{picture(web, issue_id)}/{junk}"):
        answer = web.client.get(url)
        assert (answer.status_code, answer.content) == (200, PICTURE), url


def test_a_token_is_good_for_its_own_door(web: Web, web_stage: WebServer) -> None:
    """Of all purposes, keys and numbers, only a link of ours leads, and only our marks name a reader."""
    open_counting(web, web_stage)
    number, issue_id, ann = numbers(web)
    strange = Tokens(["x" * 32])
    make = web.services.tokens.make
    for purpose, subject in product(set(Purpose) - {Purpose.LINK}, (number, issue_id, ann)):
        answer = web.client.get(f"/l/{make(purpose, str(subject))}")
        assert answer.status_code == 404
        assert "This link does not work" in answer.text
    for token in (strange.make(Purpose.LINK, str(number)), make(Purpose.LINK, str(10**9))):
        assert web.client.get(f"/l/{token}").status_code == 404
    for purpose in set(Purpose) - {Purpose.OPENED}:
        web.client.get(f"/o/{make(purpose, str(issue_id))}")
    for purpose in set(Purpose) - {Purpose.READER}:
        mark = f"/{make(purpose, str(ann))}"
        assert web.client.get(link(web, number, mark)).headers["location"] == TARGET
        web.client.get(picture(web, issue_id, mark))
    assert counted(web, web_stage) == {}


@on_one_database
def test_a_preview_counts_for_nobody(web: Web, web_stage: WebServer) -> None:
    """The links of a preview lead where those of the mail lead, and count nothing."""
    open_counting(web, web_stage)
    number, issue_id, _ = numbers(web)
    assert web.client.get(link(web, number, "/preview")).headers["location"] == TARGET
    web.client.get(picture(web, issue_id, "/preview"))
    assert counted(web, web_stage) == {}


@on_one_database
def test_an_agent_of_any_length_is_counted_and_not_kept(web: Web, web_stage: WebServer) -> None:
    """What visitors call themselves stands in no row."""
    open_counting(web, web_stage)
    number, _, ann = numbers(web)
    agent = f"{FIREFOX} <script>canary</script>" + "x" * 9_000
    web.client.get(link(web, number, reader_mark(web.services.tokens, ann)), headers={"user-agent": agent})
    assert counted(web, web_stage) == {(number, "reader"): 1}
    with reading(web.services.engine) as session:
        rows = [*session.execute(select(Hit.__table__)), *session.execute(select(ReaderHit.__table__))]
    assert "canary" not in str(rows)


def test_none_of_many_at_once_is_lost(web: Web, web_stage: WebServer) -> None:
    """However many come at once, with a mark and without, each is counted once."""
    open_counting(web, web_stage)
    number, issue_id, ann = numbers(web)
    mark = reader_mark(web.services.tokens, ann)
    urls = [link(web, number), link(web, number, mark), picture(web, issue_id)] * 40
    with ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(web.client.get, urls))
    assert {answer.status_code for answer in answers} == {302, 200}
    assert counted(web, web_stage) == {(number, "reader"): 80, (0, "reader"): 40}


@on_one_database
def test_nothing_waits_for_the_counting(
    web: Web, web_stage: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visit that cannot be counted is a redirect all the same, and the picture needs no database."""
    open_counting(web, web_stage)
    number, issue_id, _ = numbers(web)
    with writing(web.services.engine) as session:
        session.execute(update(Issue).values(reason=None))  # holds the write lock of SQLite
        assert web.client.get(link(web, number)).headers["location"] == TARGET
    lost = replace(web.services, engine=open_engine("sqlite:////nowhere/at/all.db"))
    web_stage.rest()
    web_stage.app = create_app(lost, clock=lambda: web.now)
    assert web.client.get(picture(web, issue_id)).content == PICTURE
    web_stage.rest()


def test_links_alone_name_nobody(web: Web, web_stage: WebServer) -> None:
    """In the mode that counts links, a reader's mark from another time leaves a number only."""
    open_counting(web, web_stage, "links")
    number, _, ann = numbers(web)
    web.client.get(link(web, number, reader_mark(web.services.tokens, ann)))
    assert counted(web, web_stage) == {(number, "reader"): 1}
    with reading(web.services.engine) as session:
        assert session.scalars(select(func.count()).select_from(ReaderHit)).one() == 0
        assert delivery_to(session, BOB)
