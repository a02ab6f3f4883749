"""The preferences page looks ahead and back: what choices mean, why the last digest held what it held."""

import re
from datetime import UTC, datetime, timedelta

from tests.doors.conftest import Web
from tests.doors.preferences import USUAL, ann, save, text_of
from tests.doors.readers import ANN, subscribed
from tests.doors.test_web_mailbox import LATER, publish


def test_looking_ahead_saves_nothing(web: Web) -> None:
    """Asked what it means, the page shows dates and numbers for the unsaved choices, and keeps them."""
    publish(web)
    before = ann(web)
    web.now = datetime(2026, 3, 27, 12, tzinfo=UTC)
    answer = web.client.post(
        web.preferences_link(ANN),
        data=USUAL | {"hour": "8", "weekdays": ["sat", "sun"], "more_topics": "chips", "do": "show"},
    )
    said = text_of(answer.text)
    assert answer.status_code == 200
    assert "Not saved yet." in said
    assert (
        "Saturday 28 March, 08:00 (UTC+01:00) Sunday 29 March, 08:00 (UTC+02:00)"
        " Saturday 4 April, 08:00 (UTC+02:00)"
    ) in said
    assert re.search(r'name="topics" value="chips"[^>]* checked', answer.text)
    assert (ann(web).lens, ann(web).rhythm) == (before.lens, before.rhythm)


def test_the_forecast_counts_what_would_have_come(web: Web) -> None:
    """The mails a week and the stories in each are those of the lens in the form."""
    publish(web)
    web.now = LATER
    said = text_of(web.client.get(web.preferences_link(ANN)).text)
    assert "About 7 mails a week, with about 1 story each." in said
    asked = USUAL | {"audiences": ["Policymakers"], "do": "show"}
    said = text_of(web.client.post(web.preferences_link(ANN), data=asked).text)
    assert "Of late, no story would have come through: no mails." in said


def test_the_page_tells_why_the_last_digest_held_what_it_held(web: Web) -> None:
    """The stories of the last mail stand there with the reasons that the mail gave; before it, nothing."""
    subscribed(web)
    assert "Why your last digest" not in web.client.get(web.preferences_link(ANN)).text
    publish(web)
    web.now = LATER
    said = text_of(web.client.get(web.preferences_link(ANN)).text)
    assert "Why your last digest held what it held Race to AGI Daily, Thursday 8 January, 07:00" in said
    assert "For investors Because: Investors · 2 outlets" in said
    assert "مهم للباحثين" not in said


def test_companies_of_late_are_offered(web: Web) -> None:
    """The most mentioned companies of the last thirty days have boxes; followed ones stand first."""
    publish(web)
    web.now = LATER
    save(web, more_companies="Other Lab")
    page = web.client.get(web.preferences_link(ANN)).text
    assert re.findall(r'name="companies" value="([^"]+)"', page) == ["other lab", "Sample Lab"]
    web.now += timedelta(days=31)
    page = web.client.get(web.preferences_link(ANN)).text
    assert re.findall(r'name="companies" value="([^"]+)"', page) == ["other lab"]
