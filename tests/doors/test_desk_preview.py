"""The desk's preview: through whose eyes, in what look, and inert; all editions of an issue in one grid."""

import re
from datetime import timedelta
from html import unescape

from sqlalchemy import select, update

from newsletter.desk import editing
from newsletter.desk.changes import Hand
from newsletter.links import no_reader_links
from newsletter.models import AuditLine, Edition, Issue
from newsletter.models.editor import Role
from newsletter.preview import preview
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.web.desk.likeness import Look, likeness
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import at_desk
from tests.issues import PUBLISH, SEEN, daily, draft, subscribe, tell

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}'
ANN = "ann@reader.example"


def words(page: str) -> str:
    return unescape(" ".join(re.sub("<[^>]+>", " ", page).split()))


def a_draft(web: Web) -> str:
    """The path of an issue with a story for investors and one for everybody."""
    web.now = SEEN
    tell(web.services, a_story("Chips", outlets=4, audiences=("Investors",)), a_story("Laws", audiences=()))
    subscribe(web.services, ANN, audiences=["Investors"], muted_topics=["laws"])
    subscribe(web.services, "e@reader.example", audiences=["Engineers"])
    subscribe(web.services, "p@reader.example", companies=["Nobody"])
    return f"/desk/issues/{draft(web.services)}"


def published(web: Web) -> int:
    """The number of an issue that left."""
    a_draft(web)
    web.now = PUBLISH + timedelta(hours=3)
    tick(web.services, web.now)
    return daily(web.services).id


def test_it_is_the_real_mail(web: Web) -> None:
    """The frame holds what the functions of the real mail make, in the look that was chosen."""
    path = a_draft(web)
    with at_desk(web, Role.VIEWER) as desk, reading(web.services.engine) as session:
        issue = session.get_one(Issue, int(path.rpartition("/")[2]))
        content = preview(session, issue, web.services.renderer, audience="Investors").content
        real = content.fill(no_reader_links(web.url))
        for look in Look:
            frame = desk.get(f"{path}/preview/frame?audience=Investors&look={look}")
            assert frame.text == likeness(real.html, look)
        page = desk.get(f"{path}/preview?audience=Investors&part=text").text
        assert real.text.strip() in unescape(page)
        assert f"Race to AGI {real.subject}" in words(page)


@on_one_database
def test_the_frame_is_inert(web: Web) -> None:
    """It runs nothing and loads nothing, also where it is opened on its own; pictures can be off."""
    path = a_draft(web)
    with at_desk(web, Role.VIEWER) as desk:
        policies = [
            desk.get(f"{path}/preview/frame?images={images}").headers["content-security-policy"]
            for images in ("on", "off")
        ]
        for policy in policies:
            assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline';")
            assert policy.endswith("frame-ancestors 'self'")
        assert ["img-src" in policy for policy in policies] == [True, False]
        page = desk.get(f"{path}/preview?width=375")
        assert "frame-src 'self'" in page.headers["content-security-policy"]
        assert re.search(r'<iframe sandbox title="[^"]+" width="375" height="\d+" src="/desk/', page.text)


@on_one_database
def test_hostile_texts_stay_texts(web: Web) -> None:
    """What a story, an editor or an address of a page says is never markup of the desk's."""
    web.now = SEEN
    tell(web.services, a_story(HOSTILE, audiences=()))
    path = f"/desk/issues/{draft(web.services)}"
    subscribe(web.services, ANN)
    with at_desk(web, Role.ADMIN) as desk:
        desk.post(f"{path}/editions/count")
        for asked in ("preview", "editions", "preview?part=text", "preview/frame"):
            page = desk.get(f"{path}/{asked}").text
            assert "<script>" not in page
            assert "<img" not in page
            assert "{{ 7 * 7 }}" in words(page)
        page = desk.get(f"{path}/preview").text
        told = desk.client.get(f"{path}/preview", params={"companies": HOSTILE, "audience": HOSTILE}).text
        assert "<script>" not in told
        assert "&lt;script&gt;" in page
        assert "&lt;script&gt;" in told


@on_one_database
def test_any_lens(web: Web) -> None:
    """Each part of a lens has its effect, and stays in the form; who gets nothing is told why."""
    path = a_draft(web)

    with at_desk(web, Role.VIEWER) as desk:

        def seen(**lens: object) -> str:
            return words(desk.client.get(f"{path}/preview", params=lens).text)  # type: ignore[arg-type]

        assert "As a reader who chose nothing" in seen()
        followed = seen(audience=["Engineers"], companies="Sample Lab, Other", short=True)
        assert "As Engineers · follows Sample Lab, Other · short form" in followed
        assert "follows Sample Lab · " in followed
        assert "muted the topic laws" in seen(audience=["Investors"], muted_topics="laws")
        assert "These readers get no mail: 0 of the 1 stories" in seen(languages="xx")
        assert "These readers get no mail" in seen(outlets=9)
        form = desk.get(f"{path}/preview?audience=Engineers&companies=Sample+Lab%2C+Other").text
        assert 'value="Sample Lab, Other"' in form
        assert 'value="Engineers" checked' in form


def test_one_reader_is_looked_for_by_an_admin(web: Web) -> None:
    """The address is typed, stands in no link, and leads to that reader's mail; the log says who looked."""
    path = a_draft(web)
    with at_desk(web, Role.ADMIN) as desk:
        found = desk.post(f"{path}/preview/reader?width=320", {"email": "ANN@reader.example "})
        assert found.status_code == 303
        location = found.headers["location"]
        assert "ann" not in location.lower()
        assert location.endswith("&width=320")
        page = words(desk.get(location).text)
        assert f"As the reader {ANN}" in page
        assert "muted the topic laws" in page
        for typed in ("bob@reader.example", "no address"):
            refused = desk.post(f"{path}/preview/reader", {"email": typed})
            assert refused.status_code == 422
            assert "No reader has this address." in words(refused.text)
            assert f'value="{typed}"' in refused.text
        with reading(web.services.engine) as session:
            [line] = session.scalars(select(AuditLine).where(AuditLine.act == "issue previewed as a reader"))
            assert (line.editor_id, line.detail) == (desk.editor_id, {"subscriber": 1})
    with at_desk(web, Role.APPROVER) as desk:
        assert desk.get(location).status_code == 403
        assert desk.get(location.replace("/preview", "/preview/frame")).status_code == 403
        assert "One reader" not in desk.get(f"{path}/preview").text


@on_one_database
def test_of_one_reader_it_says_what_keeps_the_mail_from_them(web: Web) -> None:
    """Nobody takes the mail that is shown for one that comes: the page says when, or why not."""
    path = a_draft(web)
    subscribe(web.services, "friday@reader.example", days="4")
    web.client.post(web.unsubscribe_link("p@reader.example"))
    told = {
        ANN: "not yet published; would be due 2026-01-08 07:00 UTC",
        "friday@reader.example": "none: the reader chose other days of the week",
        "p@reader.example": "none: the subscription is unsubscribed",
    }
    with at_desk(web, Role.ADMIN) as desk:
        for typed, fate in told.items():
            found = desk.post(f"{path}/preview/reader", {"email": typed})
            assert f"Their mail of this issue: {fate}." in words(desk.get(found.headers["location"]).text)


@on_one_database
def test_the_choices_keep_each_other(web: Web) -> None:
    """Another look keeps the eyes, other eyes keep the look, and what is usual stands in no link."""
    path = a_draft(web)
    with at_desk(web, Role.VIEWER) as desk:
        page = unescape(desk.get(f"{path}/preview?audience=Investors&width=375").text)
        assert f'href="{path}/preview?audience=Investors&width=375&look=dark#mail"' in page
        assert f'href="{path}/preview?audience=Investors#mail"' in page
        assert f'href="{path}/preview?audience=Engineers&width=375"' in page
        assert f'src="{path}/preview/frame?audience=Investors&width=375"' in page
        for nonsense in ("width=9", "look=x", "outlets=0", "part=pdf"):
            assert desk.get(f"{path}/preview?{nonsense}").status_code == 404


def test_editions_of_a_draft(web: Web) -> None:
    """Counted on demand: readers, stories, size and who they are; each leads to its own preview."""
    path = a_draft(web)
    with at_desk(web, Role.EDITOR) as desk:
        assert "Nobody has counted yet" in desk.get(f"{path}/editions").text
        assert desk.post(f"{path}/editions/count").headers["location"] == f"{path}/editions"
        page = desk.get(f"{path}/editions").text
        told = words(page)
        assert "mails expected 2 editions 2" in told
        assert "1 reader Chips" in told
        assert "Investors · without laws" in told
        assert "1 reader: 0 of the 1 stories" in told
        assert "at version 0" in told
        shown = [words(desk.get(unescape(link)).text) for link in previews(page)]
        assert ["As 1 reader: Investors · without laws" in one for one in shown].count(True) == 1
        with writing(web.services.engine) as session:
            issue = session.get_one(Issue, 1)
            editing.drop(session, issue, issue.picks[0].story_id, Hand(web.now))
            [line] = session.scalars(select(AuditLine).where(AuditLine.act == "editions counted"))
            assert line.detail == {"version": 0, "mails": 2}
        assert "changed since: version 1" in words(desk.get(f"{path}/editions").text)
        gone = [words(desk.get(unescape(link)).text) for link in previews(page)]
        assert any("count them anew" in one for one in gone)


def previews(page: str) -> list[str]:
    return re.findall(r'href="(/desk/issues/\d+/preview\?edition=[^"]+)"', page)


def test_editions_that_left(web: Web) -> None:
    """The rows of an issue that went out: each edition is joined again, and says that it is what left."""
    issue_id = published(web)
    with at_desk(web, Role.VIEWER) as desk:
        page = desk.get(f"/desk/issues/{issue_id}/editions").text
        assert "1 reader Chips" in words(page)
        assert "Count anew" not in page
        for link in re.findall(r'href="(/desk/editions/\d+)"', page):
            shown = words(desk.get(link).text)
            assert "equal to what left: SHA-256" in shown
            frame = desk.get(f"{link}/frame?look=plain")
            assert frame.headers["content-security-policy"].startswith("sandbox;")
            assert "Race to AGI Daily" in frame.text
        with writing(web.services.engine) as session:
            session.execute(update(Edition).values(content_hash="0" * 64))
        assert 'role="alert">This is joined from what was frozen, and NOT what left' in desk.get(link).text


@on_one_database
def test_what_is_over_is_not_counted_anew(web: Web) -> None:
    """An issue that went out keeps its numbers; skipped readers and numbers of none have no page."""
    issue_id = published(web)
    with at_desk(web, Role.EDITOR) as desk:
        refused = desk.post(f"/desk/issues/{issue_id}/editions/count")
        assert refused.status_code == 422
        assert "It went out" in refused.text
        with reading(web.services.engine) as session:
            skipped = session.scalars(select(Edition.id).where(Edition.skipped.is_not(None))).one()
        for path in (f"/desk/editions/{skipped}", "/desk/editions/999", "/desk/issues/999/preview"):
            assert desk.get(path).status_code == 404
            assert desk.get(f"{path}/frame").status_code == 404


@on_one_database
def test_a_viewer_counts_nothing(web: Web) -> None:
    """Who only looks is offered no button, and is refused."""
    path = a_draft(web)
    with at_desk(web, Role.VIEWER) as desk:
        assert "Count anew" not in desk.get(f"{path}/editions").text
        assert desk.post(f"{path}/editions/count").status_code == 403
