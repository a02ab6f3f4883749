"""The archive: what is in it and from when on, as its readers got it, and marked where it was corrected."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from newsletter.archive import Archive, Told
from newsletter.desk import approval
from newsletter.models import Correction, Delivery, Edition, Issue
from newsletter.models.delivery import DeliveryState
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import IssueState
from newsletter.replay import replay_issue
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from tests.builders import a_story
from tests.counted import TARGET, counting
from tests.issues import DAY, PUBLISH, daily, draft, subscribe, tell

AFTERWARDS = PUBLISH + timedelta(hours=3)


def an_archive(services: Services) -> Archive:
    """One that remembers nothing yet."""
    public_url = services.settings.public_url
    return Archive(services.engine, services.renderer, services.tokens, public_url=public_url)


def publish(services: Services) -> int:
    """A daily that told two kinds of readers something else."""
    tell(services, a_story("For investors", audiences=("Investors",)), a_story("For all", outlets=4))
    subscribe(services, "a@reader.example")
    subscribe(services, "i@reader.example", audiences=["Investors"])
    tick(services, AFTERWARDS)
    return daily(services).id


def told(services: Services, audience: str | None = None) -> Told:
    archive = an_archive(services)
    [issue] = archive.issues(limit=9)
    found = archive.told(issue, audience)
    assert found is not None
    return found


def correct(services: Services, story_id: int, *, kind: CorrectionKind = CorrectionKind.CORRECTION) -> None:
    with writing(services.engine) as session:
        session.add(
            Correction(
                story_id=story_id,
                revision=1,
                kind=kind,
                text="It was <b>seven</b>.",
                made_at=AFTERWARDS,
                confirmed_at=AFTERWARDS + timedelta(hours=1),
            )
        )


def in_state(services: Services, state: IssueState, **changes: object) -> bool:
    """Whether an issue in that state is in the archive: listed, found by its day, viewed by its readers."""
    with writing(services.engine) as session:
        session.execute(update(Issue).values(state=state, **changes))
        [issue_id, fingerprint] = session.execute(select(Edition.issue_id, Edition.fingerprint)).all()[0]
    assert issue_id is not None
    archive = an_archive(services)
    found = {
        bool(archive.issues(limit=9)),
        bool(archive.issues("daily", limit=9)),
        archive.issue("daily", DAY.date()) is not None,
        archive.edition(issue_id, fingerprint) is not None,
    }
    assert len(found) == 1, found
    return found.pop()


def test_only_what_readers_could_have(services: Services) -> None:
    """Out with its publication and no sooner; a cancelled issue only where something of it left."""
    publish(services)
    for state in (IssueState.PUBLISHED, IssueState.PAUSED, IssueState.FINISHED, IssueState.CANCELLED):
        assert in_state(services, state), state
    with writing(services.engine) as session:
        session.execute(update(Delivery).values(state=DeliveryState.CANCELLED))
    assert not in_state(services, IssueState.CANCELLED)
    for state in (IssueState.DRAFT, IssueState.HELD, IssueState.APPROVED, IssueState.CANCELLED):
        assert not in_state(services, state, published_at=None), state


def test_an_approved_issue_is_not_out(services: Services) -> None:
    """Neither a draft nor what was approved can be read ahead of its time."""
    tell(services, a_story())
    issue_id = draft(services)
    archive = an_archive(services)
    assert archive.issue("daily", DAY.date()) is None
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        approval.approve(session, issue, services.renderer, by="Ed", now=PUBLISH)
    assert archive.issues(limit=9) == []
    assert archive.issue("daily", DAY.date()) is None


def test_a_lens_shows_what_its_readers_got(services: Services) -> None:
    """For everybody and for an audience: the stories, forms and reasons of the mails that left."""
    issue_id = publish(services)
    with reading(services.engine) as session:
        prints = session.scalars(select(Edition.fingerprint).order_by(Edition.readers, Edition.id)).all()
    editions = [an_archive(services).edition(issue_id, fingerprint) for fingerprint in prints]
    mailed = {(edition.subject, edition.tellings) for edition in editions if edition}
    lenses = [told(services), told(services, "Investors")]
    assert {(lens.subject, lens.tellings) for lens in lenses} == mailed
    assert len(mailed) == 2
    assert lenses[0].headlines == ("For all", "For investors")
    assert lenses[0].lead == "In short: For all."


def test_the_issues_beside(services: Services) -> None:
    """One leads to the one before it and the one after it, and the newest stands first in the list."""
    for day in range(3):
        tell(services, a_story(f"Day {day}"), at=PUBLISH + timedelta(days=day, hours=-2))
        subscribe(services, f"{day}@reader.example")
        tick(services, AFTERWARDS + timedelta(days=day))
    archive = an_archive(services)
    issues = archive.issues("daily", limit=9)
    assert [issue.date.day for issue in issues] == [10, 9, 8]
    assert [issue.date.day for issue in archive.issues(limit=1, offset=1)] == [9]
    assert archive.beside(issues[1]) == (issues[2], issues[0])
    assert archive.beside(issues[0]) == (issues[1], None)
    assert archive.beside(issues[2]) == (None, issues[1])
    assert archive.issues("weekly", limit=9) == []


def test_corrections_mark_the_page(services: Services) -> None:
    """From its confirmation on a correction stands at its story and above all; nothing frozen is changed."""
    issue_id = publish(services)
    archive = an_archive(services)
    [issue] = archive.issues(limit=9)
    lens = archive.told(issue)
    assert lens is not None
    before = archive.page(lens)
    assert "corrected" not in before.sheet.body
    correct(services, lens.tellings[0].story_id)
    after = archive.page(lens)
    assert [(mark.name, headline) for mark, headline in after.corrected] == [("Correction", "For all")]
    assert after.sheet.body.count('class="corrected"') == 1
    assert "It was &lt;b&gt;seven&lt;/b&gt;." in after.sheet.body
    with reading(services.engine) as session:
        assert all(one.is_equal for one in replay_issue(session, issue_id))


def test_who_was_told_the_right_revision_sees_no_mark(services: Services) -> None:
    """A page that told the story as it is right by now has nothing to take back."""
    publish(services)
    found = told(services)
    correct(services, found.tellings[0].story_id)
    right = replace(found, tellings=tuple(replace(one, revision=2) for one in found.tellings))
    assert an_archive(services).marks(right) == ()
    assert len(an_archive(services).marks(found)) == 1


def test_a_retraction_takes_nothing_out_of_the_archive(services: Services) -> None:
    """What was told stays where it was told, and says that it was taken back."""
    publish(services)
    before = told(services)
    correct(services, before.tellings[0].story_id, kind=CorrectionKind.RETRACTION)
    assert told(services) == before
    page = an_archive(services).page(before)
    assert [mark.name for mark, _ in page.corrected] == ["Retraction"]
    assert "We take this story back." in page.sheet.body


def test_nothing_is_counted_in_the_archive(services: Services) -> None:
    """Of a newsletter that counts, too, the links lead straight, and no picture tells of a visit."""
    services = counting(services, "readers")
    publish(services)
    page = an_archive(services).page(told(services))
    assert f'<a href="{TARGET}"' in page.sheet.body
    assert "<img" not in page.sheet.body
    assert "/l/" not in page.sheet.body
    assert "@@" not in page.sheet.body


def test_the_hash_is_over_the_link_to_the_edition(services: Services) -> None:
    """Each edition holds where it can be read, and its hash vouches for that, too."""
    issue_id = publish(services)
    with reading(services.engine) as session:
        for one in replay_issue(session, issue_id):
            assert one.content is not None
            assert one.is_equal
            place = f"@@public_url@@/view/{issue_id}/{one.edition.fingerprint}"
            assert one.content.html.count(f'<a href="{place}"') == 1
            assert f"View in browser: {place}\n" in one.content.text
