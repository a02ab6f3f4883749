"""The preferences page for tests: its form as it is sent, and what it says."""

import re
from html import unescape

from subscribers.models import Subscriber
from tests.doors.conftest import Web
from tests.doors.readers import ANN

#: a form in which everything is as it is for somebody new
USUAL: dict[str, str | list[str]] = {
    "newsletters": ["daily"],
    "min_outlets": "1",
    "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    "timezone": "Europe/Paris",
    "hour": "7",
    "length": "full",
    "pause": "",
    "do": "save",
}


def ann(web: Web) -> Subscriber:
    found = web.subscriber(ANN)
    assert found is not None
    return found


def save(web: Web, **changes: str | list[str]) -> str:
    """Send the form with these fields changed; the page that answers, as a person reads it."""
    answer = web.client.post(web.preferences_link(ANN), data=USUAL | changes)
    assert answer.status_code == 200, re.findall('class="fault".*', answer.text)
    return text_of(answer.text)


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
