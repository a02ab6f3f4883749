"""Agreeing to be counted: asked for only where a newsletter counts readers, kept, and taken back."""

from datetime import timedelta

from sqlalchemy import select

from newsletter.models import ReaderHit
from newsletter.store.engine import reading
from newsletter.web.app import create_app
from newsletter.web.preferences import COUNT_WORDING
from subscribers.models import Consent
from tests.counted import ANN, counting, delivery_to, link_to, send, visit
from tests.doors.conftest import Web, on_one_database
from tests.doors.preferences import USUAL, text_of
from tests.web_server import WebServer

USUAL_OF_ANN = USUAL | {"timezone": "UTC"}


def open_counting(web: Web, web_stage: WebServer, tracking: str) -> None:
    web.services = counting(web.services, tracking)
    web_stage.app = create_app(web.services, clock=lambda: web.now)


def save(web: Web, **changes: str | list[str]) -> str:
    answer = web.client.post(web.preferences_link(ANN), data=USUAL_OF_ANN | changes)
    assert answer.status_code == 200
    return text_of(answer.text)


def wordings(web: Web) -> list[str]:
    with reading(web.services.engine) as session:
        return list(session.scalars(select(Consent.wording).where(Consent.wording.startswith(COUNT_WORDING))))


def test_a_reader_agrees_and_takes_it_back(web: Web, web_stage: WebServer) -> None:
    """The box is empty until ticked, both answers are in the ledger, and a no forgets what was known."""
    open_counting(web, web_stage, "readers")
    send(web.services)
    web.now += timedelta(hours=1)
    page = save(web)  # Ann was counted in the setting: she takes it back
    assert "have forgotten what we knew" in page
    box = web.client.get(web.preferences_link(ANN)).text.partition('name="counted"')[2].partition(">")[0]
    assert "checked" not in box
    assert "We count what you open and follow" in save(web, counted="yes")
    with reading(web.services.engine) as session:
        link, mail = link_to(session), delivery_to(session, ANN)
    visit(web.services, link, mail)
    save(web)
    assert wordings(web) == [f"{COUNT_WORDING}: {answer}" for answer in ("no", "yes", "no")]
    with reading(web.services.engine) as session:
        assert session.scalars(select(ReaderHit)).all() == []


@on_one_database
def test_nobody_is_asked_where_no_reader_is_counted(web: Web, web_stage: WebServer) -> None:
    """Without a newsletter that counts readers there is no box, and what was said before stays."""
    open_counting(web, web_stage, "links")
    send(web.services)
    web.now += timedelta(hours=1)
    assert COUNT_WORDING not in web.client.get(web.preferences_link(ANN)).text
    save(web, counted="yes", length="short")
    save(web)
    found = web.subscriber(ANN)
    assert found is not None
    assert found.counted
    assert wordings(web) == []


@on_one_database
def test_only_showing_agrees_to_nothing(web: Web, web_stage: WebServer) -> None:
    """Who asks what their choices mean has said nothing yet; the box keeps its tick."""
    open_counting(web, web_stage, "readers")
    send(web.services)
    save(web)
    answer = web.client.post(web.preferences_link(ANN), data=USUAL_OF_ANN | {"counted": "yes", "do": "show"})
    assert 'name="counted" value="yes" aria-describedby="counted-hint" checked' in answer.text
    found = web.subscriber(ANN)
    assert found is not None
    assert not found.counted
