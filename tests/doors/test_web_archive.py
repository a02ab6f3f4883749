"""The archive's pages: open to everybody and knowing nobody, kept by caches, and closed before their time."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from newsletter.models import Correction, Edition, Piece
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.test_web_mailbox import ANN, LATER, publish
from tests.issues import tell

ISSUE = "/issues/daily/2026-01-08"
PAGES = ("/issues", "/issues/daily", ISSUE, f"{ISSUE}/investors")
FEEDS = ("/issues.atom", "/issues/daily.atom", "/issues/daily/investors.atom")
#: what only a reader can use, or what names one
PERSONAL = (
    "@@",
    "/act/",
    "/unsubscribe",
    "/preferences/",
    "/l/",
    "/o/",
    "Less like this",
    "Fewer mails",
    ANN,
)


def viewed(web: Web) -> str:
    """The path of the first edition, as its readers view it."""
    with reading(web.services.engine) as session:
        [issue_id, fingerprint] = session.execute(select(Edition.issue_id, Edition.fingerprint)).all()[0]
    return f"/view/{issue_id}/{fingerprint}"


def mail_to(web: Web, email: str) -> str:
    """The mail in the folder, its lines joined."""
    folder: Path = web.services.settings.mail_folder
    mails = [path.read_text().replace("=\n", "") for path in folder.glob("*.eml")]
    [found] = [mail for mail in mails if f"To: {email}" in mail]
    return found


def test_everybody_may_read(web: Web) -> None:
    """Every page and feed is there for whoever asks, with nothing of any reader in it."""
    publish(web)
    for path in (*PAGES, *FEEDS, viewed(web)):
        answer = web.client.get(path)
        assert answer.status_code == 200, path
        assert "For investors" in answer.text, path
        assert not [words for words in PERSONAL if words in answer.text], path
        assert web.client.head(path).status_code == 200, path
    page = web.client.get(ISSUE).text
    assert f'<link rel="canonical" href="{web.url}{ISSUE}">' in page
    assert f'<meta property="og:url" content="{web.url}{ISSUE}">' in page
    assert '<meta name="description" content="In short: For investors.">' in page
    assert page.count("<h1") == page.count("<main>") == 1
    assert re.findall(r'href="([^"]*)">Subscribe</a>', page) == ["/subscribe", f"{web.url}/subscribe"]


@on_one_database
def test_a_mail_leads_to_its_page(web: Web) -> None:
    """The link at the top of a mail opens what its reader got, for nobody to find by searching."""
    publish(web)
    tick(web.services, LATER)
    [link] = set(re.findall(rf"{web.url}/view/1/[0-9a-f]{{32}}", mail_to(web, ANN).replace("=3D", "=")))
    answer = web.client.get(link)
    assert answer.status_code == 200
    assert "For investors" in answer.text
    assert answer.headers["x-robots-tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in answer.text
    assert answer.headers["cache-control"] == "private, max-age=300"
    assert "canonical" not in answer.text


NOWHERE = (
    "/issues/none",
    "/issues/none.atom",
    "/issues/daily/none.atom",
    "/issues/daily/2026-01-07",
    "/issues/daily/2026-02-30",
    "/issues/daily/1767830400",
    f"{ISSUE}/none",
    f"{ISSUE}/Investors",
    "/issues/weekly/2026-01-08",
    "/issues?page=2",
    f"/view/1/{'0' * 32}",
    "/view/2/0123",
    f"/view/{2**63}/{'0' * 32}",
)


@on_one_database
def test_what_is_not_there(web: Web) -> None:
    """No other day, audience, newsletter or edition answers, and no fingerprint of another issue."""
    publish(web)
    issue, fingerprint = viewed(web).split("/")[2:]
    for path in (*NOWHERE, f"/view/{int(issue) + 1}/{fingerprint}"):
        assert web.client.get(path).status_code == 404, path


@on_one_database
def test_nothing_ahead_of_its_time(web: Web) -> None:
    """Before an issue is published its address says no more than any other that is wrong."""
    tell(web.services, a_story("For investors"))
    tick(web.services, LATER - timedelta(hours=8, minutes=30))
    assert web.client.get(ISSUE).status_code == 404
    for path in ("/issues", "/issues/daily", "/issues.atom"):
        assert "For investors" not in web.client.get(path).text
    assert "No issue went out yet" in web.client.get("/issues").text


@on_one_database
def test_who_has_it_need_not_load_it(web: Web) -> None:
    """Asked with what was answered before, by tag or by date, a page is not sent again until it changes."""
    publish(web)
    for path in (*PAGES, *FEEDS):
        first = web.client.get(path)
        assert first.headers["cache-control"] == "public, max-age=300"
        tag, changed = first.headers["etag"], first.headers["last-modified"]
        known = (
            {"if-none-match": f'"other", W/{tag}'},
            {"if-modified-since": changed},
            {"if-none-match": "*"},
        )
        for asked in known:
            again = web.client.get(path, headers=asked)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        other = {"if-none-match": '"other"', "if-modified-since": changed}
        for asked in (
            other,
            {"if-modified-since": "Thu, 01 Jan 2026 00:00:00 GMT"},
            {"if-modified-since": "x"},
        ):
            assert web.client.get(path, headers=asked).status_code == 200


@on_one_database
def test_a_correction_is_seen_at_once(web: Web) -> None:
    """It changes the page, its tag and the feed's time, at the story that it is about."""
    publish(web)
    paths = ("/issues", ISSUE, viewed(web), "/issues.atom")
    before = [web.client.get(path) for path in paths]
    with writing(web.services.engine) as session:
        at = LATER + timedelta(hours=1)
        wrong = Correction(story_id=1, revision=1, kind=CorrectionKind.CORRECTION, text="It was seven.")
        wrong.made_at = wrong.confirmed_at = at
        session.add(wrong)
    for path, old in zip(paths, before, strict=True):
        new = web.client.get(path, headers={"if-none-match": old.headers["etag"]})
        assert new.status_code == 200, path
        assert new.headers["last-modified"] == "Thu, 08 Jan 2026 13:00:00 GMT"
    assert '<a href="#corrected-1">For investors</a>' in web.client.get(ISSUE).text
    feed = web.client.get("/issues.atom").text
    assert "<updated>2026-01-08T13:00:00Z</updated>" in feed
    assert "• For investors (corrected)" in feed
    assert "<strong>For investors (corrected)</strong>" in web.client.get("/issues").text


@on_one_database
def test_pages_lead_on(web: Web) -> None:
    """From an issue to its other audiences and to the next; and each page names the feed beside it."""
    publish(web)
    tell(web.services, a_story("Next day"), at=LATER + timedelta(hours=10))
    tick(web.services, LATER + timedelta(days=1))
    page = web.client.get(ISSUE).text
    for link in (f"{ISSUE}/investors", f"{ISSUE}/researchers", "/issues/daily/2026-01-09", "/issues/daily"):
        assert f'href="{link}"' in page
    feeds = {"/issues": "/issues.atom", "/issues/daily": "/issues/daily.atom", ISSUE: "/issues/daily.atom"}
    for path, feed in feeds.items():
        found = re.findall(r'atom\+xml" title="[^"]*" href="([^"]*)"', web.client.get(path).text)
        assert found == [feed]
        assert web.client.get(feed).headers["content-type"] == "application/atom+xml"
    assert 'href="/issues"' in web.client.get("/subscribe").text


@on_one_database
def test_long_lists_have_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older issues are on further pages; none is left out, none comes twice."""
    monkeypatch.setattr("newsletter.web.archive.PAGE", 1)
    publish(web)
    tell(web.services, a_story("Next day"), at=LATER + timedelta(hours=10))
    tick(web.services, LATER + timedelta(days=1))
    first, second = (web.client.get(f"/issues?page={page}").text for page in (1, 2))
    leads = re.compile("<strong>(.*?)</strong>")
    assert (leads.findall(first), leads.findall(second)) == (["Next day"], ["For investors"])
    assert 'href="/issues?page=2" rel="next"' in first
    assert 'href="/issues" rel="prev"' in second
    assert 'rel="next"' not in second


@on_one_database
def test_hostile_headlines_stay_words(web: Web) -> None:
    """What a story says stands in titles and descriptions as text, and no script could run if it did not."""
    hostile = '</title><script>alert(1)</script>"><img src=x>'
    tell(web.services, a_story(hostile))
    tick(web.services, LATER)
    for path in ("/issues", ISSUE, "/issues.atom"):
        answer = web.client.get(path)
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert hostile[:30] in unescape(answer.text)
    policy = web.client.get(ISSUE).headers["content-security-policy"]
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in policy
    assert "script" not in policy


@on_one_database
def test_what_cannot_be_shown_is_not(web: Web) -> None:
    """A mail in which something of its reader is not marked is shown to nobody else."""
    publish(web)
    with writing(web.services.engine) as session:
        shell = session.scalars(select(Piece).where(Piece.name == "shell")).one()
        shell.document = {**shell.document, "html": shell.document["html"].replace('meta own"', 'meta"')}
    for path in (ISSUE, viewed(web)):
        assert web.client.get(path).status_code == 404, path


@on_one_database
def test_what_is_no_longer_whole_harms_no_other(web: Web) -> None:
    """An issue whose pieces are gone is not shown; lists and feeds go on without it."""
    publish(web)
    with writing(web.services.engine) as session:
        session.execute(delete(Piece))
    for path in (ISSUE, viewed(web)):
        assert web.client.get(path).status_code == 404, path
    for path in ("/issues", "/issues/daily", "/issues.atom"):
        answer = web.client.get(path)
        assert answer.status_code == 200, path
        assert "For investors" not in answer.text, path
