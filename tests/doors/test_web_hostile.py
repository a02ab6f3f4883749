"""What people send who mean harm, or whose programs are broken: no crash, no trace, no way around."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
from sqlalchemy import select

from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.web import limits
from subscribers.address import parse
from subscribers.consent import Channel, attest
from subscribers.erasure import erase
from subscribers.models import Consent, MutedStory, Subscriber
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import at_desk
from tests.doors.test_web_mailbox import ANN, publish

ORIGIN = "https://racetoagi.example"
CHOICES = {
    "newsletters": ["daily"],
    "audiences": ["Investors"],
    "more_companies": "Sample Lab",
    "timezone": "Europe/Paris",
    "hour": "7",
    "weekdays": ["mon"],
    "min_outlets": "1",
    "length": "full",
}


@pytest.mark.parametrize("charset", ["utf-7", "punycode", "idna", "raw_unicode_escape", "undefined"])
@pytest.mark.parametrize("path", ["/subscribe", "/manage", "/data", "link"])
@on_one_database
def test_forms_are_read_as_utf8_only(web: Web, path: str, charset: str) -> None:
    """A form that says it is in another encoding is one friendly 400, whatever stands in it."""
    web.ask(ANN)
    body = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n+2AA-\\ud800@a.example\r\n--x--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    answer = web.client.post(
        web.preferences_link(ANN) if path == "link" else path, content=body, headers=headers
    )
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.text


@on_one_database
def test_half_a_letter_in_json_is_answered(web: Web) -> None:
    """JSON may spell half of a letter, even in a key: the answer says what is wrong with it."""
    answer = web.client.post("/api/subscribe", content=b'{"\\ud800": 1}')
    assert answer.status_code == 422
    assert answer.json()["errors"]["?"].startswith("This key is unknown")


@on_one_database
def test_the_site_may_ask_from_its_own_pages(web: Web) -> None:
    """Scripts of the site's origin may post JSON and read any answer; no cookie goes along."""
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"}
    allowed = web.client.options(
        "/api/subscribe", headers={**asked, "access-control-request-headers": "content-type"}
    )
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["access-control-allow-methods"] == "POST"
    assert allowed.headers["access-control-allow-headers"] == "content-type"
    answers = [
        allowed,
        web.client.post("/api/subscribe", json={"email": ANN, "newsletters": ["daily"]}),
        web.client.post("/api/subscribe", json={"email": "ann@"}),
        web.client.post("/api/subscribe", content=b"{"),
        web.client.post("/api/subscribe", content=b"x" * 70_000),
    ]
    assert [answer.status_code for answer in answers] == [204, 202, 422, 400, 413]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", f"{ORIGIN}.example"])
@on_one_database
def test_no_other_origin_may_ask(web: Web, origin: str) -> None:
    """Nobody else's origin is ever named, and no other path names one."""
    for path in ("/api/subscribe", "/api/stories", "/subscribe", "/manage", web.url):
        for answer in (
            web.client.options(path, headers={"origin": origin}),
            web.client.post(path, content=b"{}", headers={"origin": origin}),
        ):
            named = answer.headers.get("access-control-allow-origin")
            assert named == (ORIGIN if path == "/api/subscribe" else None), path


@on_one_database
def test_nothing_leads_to_a_host_that_the_request_names(web: Web) -> None:
    """Whatever Host is claimed, no redirect and no page repeats it."""
    for path in ("/", "/subscribe", "/subscribe/", "/embed", f"{web.url}//stranger.example/", "/nowhere"):
        answer = web.client.get(path, headers={"host": "stranger.example"})
        assert "stranger" not in answer.headers.get("location", "") + answer.text, path


@pytest.mark.parametrize(
    ("door", "form"),
    [
        ("preferences", CHOICES),
        ("act/pause", {"weeks": "2"}),
        ("act/weekly", {}),
        ("act/story/1", {}),
        ("act/story/1", {"company": "sample lab"}),
        ("data/export", {}),
        ("unsubscribe", {}),
        ("unsubscribe/all", {}),
        ("undo", {}),
    ],
)
def test_nothing_is_written_of_somebody_being_erased(web: Web, door: str, form: dict[str, object]) -> None:
    """An act that meets an erasure half-way waits for it, and then finds nobody."""
    publish(web)
    purpose, _, way = door.partition("/")
    token = next(token for made_for, token in web.tokens(ANN).items() if made_for == purpose)
    engine, ann = web.services.engine, web.subscriber(ANN)
    assert ann
    with ThreadPoolExecutor(1) as meanwhile:
        with writing(engine) as session:
            erase(
                session,
                parse(ANN),
                channel=Channel.LINK,
                fingerprints=web.services.fingerprints,
                now=web.now,
            )
            act = meanwhile.submit(web.client.post, f"/{purpose}/{token}/{way}".rstrip("/"), data=form)
            sleep(0.3)
        assert act.result().status_code in (200, 404)
    with reading(engine) as session:
        lines = session.scalars(
            select(Consent).where(Consent.subscriber_id == ann.id).order_by(Consent.id)
        ).all()
        assert lines[-1].act == "erased"
        assert not any(line.wording or line.ip for line in lines)
        assert session.get_one(Subscriber, ann.id).lens.companies == frozenset()
        assert not session.scalars(select(MutedStory)).all()


def test_saved_preferences_tell_where_from(web: Web) -> None:
    """The ledger has the address that a change of the preferences came from, as for every act by link."""
    with writing(web.services.engine) as session:
        attest(
            session,
            parse(ANN),
            ["daily"],
            source="at a fair",
            channel=Channel.COMMAND,
            fingerprints=web.services.fingerprints,
            now=web.now,
        )
    assert web.client.post(web.preferences_link(ANN), data=CHOICES).status_code == 200
    with reading(web.services.engine) as session:
        [line] = session.scalars(select(Consent).where(Consent.act == "changed"))
        assert line.ip == "127.0.0.1"


@pytest.mark.parametrize(("took", "waits"), [(0.001, 0.049), (0.049, 0.001), (0.051, 0.049), (0.12, 0.03)])
def test_an_answer_takes_whole_beats(monkeypatch: pytest.MonkeyPatch, took: float, waits: float) -> None:
    """However long it took to look somebody up, the answer comes on the next beat."""
    clock: Iterator[float] = iter([100.0, 100.0 + took])
    slept: list[float] = []
    monkeypatch.setattr(limits, "monotonic", lambda: next(clock))
    monkeypatch.setattr(limits, "sleep", slept.append)
    with limits.on_the_beat():
        pass
    assert slept == [pytest.approx(waits, abs=1e-6)]


@pytest.mark.parametrize("path", ["/issues/a%00b", "/issues/a%00b.atom"])
def test_an_address_with_nul_names_nothing(web: Web, path: str) -> None:
    """A text that PostgreSQL refuses is looked for in vain, and breaks nothing."""
    assert web.client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/log?act=%00", "/numbers?newsletter=%00", "/issues/1/preview?reader=%00"])
def test_nor_does_it_at_the_desk(web: Web, path: str) -> None:
    """The same where editors look for something: it is not there, or finds nothing."""
    with at_desk(web, Role.ADMIN) as desk:
        assert desk.get(f"/desk{path}").status_code in (200, 404)
