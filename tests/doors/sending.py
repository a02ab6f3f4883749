"""The tab Send in the hands of an editor: an issue to send, its forms as they were shown, what came of it."""

import re

import httpx
from sqlalchemy import select

from newsletter.models import AuditLine, Delivery
from newsletter.models.delivery import DeliveryKind
from newsletter.store.engine import reading
from tests.builders import a_story
from tests.doors.conftest import Web
from tests.doors.desk import FROM_HERE, Desk
from tests.issues import SEEN, draft, subscribe, tell


def an_issue(web: Web) -> str:
    """The path of a draft of one story, for two readers."""
    web.now = SEEN
    tell(web.services, a_story("A sample lab opens an office"))
    subscribe(web.services, "a@reader.example", hour=7)
    subscribe(web.services, "b@reader.example", hour=20)
    return f"/desk/issues/{draft(web.services)}"


def fields(page: str, act: str) -> dict[str, str]:
    """What the form that does this sends as it was shown; none where there is no such form."""
    found = re.search(rf'<form method="post" action="[^"]*/{act}">(.*?)</form>', page, re.DOTALL)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[1])) if found else {}


def press(desk: Desk, path: str, act: str, shown: str | None = None, **filled: str) -> httpx.Response:
    """Press the button of this form on the page as it is now, or as it was `shown`."""
    sent = fields(shown or desk.get(f"{path}/send").text, act)
    assert sent, f"no form to {act}"
    return desk.client.post(f"{path}/{act}", data={**sent, **filled}, headers=FROM_HERE)


def digests(web: Web) -> list[str]:
    """The states of the mails to readers."""
    with reading(web.services.engine) as session:
        query = select(Delivery.state).where(Delivery.kind == DeliveryKind.DIGEST).order_by(Delivery.state)
        return list(session.scalars(query))


def words(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def acts(web: Web) -> list[str]:
    with reading(web.services.engine) as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.subject.like("issue %")))
        return [line.act for line in lines]
