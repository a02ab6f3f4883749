"""The checks that take time: begun once, done outside of any transaction, and written down as they go."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.models import Inspection, Issue, LinkCheck
from newsletter.preflight import inspection, links, spam
from newsletter.preflight.followed import Followed, Trouble
from newsletter.preflight.inspection import Errand, at_work, begin, errand, followed, inspect
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from tests.builders import a_story
from tests.issues import CUTOFF, draft, tell

URLS = tuple(f"https://outlet{n}.example/report" for n in range(1, 13))
Told = Callable[[Followed], None]


@pytest.fixture
def issue_id(services: Services) -> int:
    tell(services, a_story(outlets=3))
    return draft(services)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The web, where every page is there; the list says which were asked for."""
    asked: list[str] = []

    def answer(urls: tuple[str, ...], told: Told) -> None:
        for url in urls:
            asked.append(url)
            told(Followed(url, 403 if "outlet2." in url else 200))

    monkeypatch.setattr(links, "follow", answer)
    return asked


def start(services: Services, issue_id: int, errand: Errand, after: timedelta = timedelta()) -> Errand | None:
    with writing(services.engine) as session:
        return begin(session, session.get_one(Issue, issue_id), errand, now=CUTOFF + after)


def state(services: Services, issue_id: int) -> Inspection:
    with reading(services.engine) as session:
        found = session.get_one(Inspection, issue_id)
        session.expunge(found)
        return found


def test_an_inspection(services: Services, issue_id: int, web: list[str]) -> None:
    """Every link is followed and written down; those of which nothing can be told are counted."""
    left = start(services, issue_id, Errand(URLS, None))
    assert left is not None
    assert at_work(state(services, issue_id), CUTOFF)
    inspect(services.engine, issue_id, left, lambda: CUTOFF)
    done = state(services, issue_id)
    assert (done.links, done.done, done.untold, done.trouble) == (12, 12, 1, None)
    assert (done.ended_at, at_work(done, CUTOFF)) == (CUTOFF, False)
    with reading(services.engine) as session:
        assert set(followed(session, URLS, now=CUTOFF)) == set(URLS)


def test_what_was_followed_is_not_asked_again_for_a_day(
    services: Services, issue_id: int, web: list[str]
) -> None:
    """Within 24 hours only new links are asked; afterwards all are, and old answers are deleted."""
    for after, urls, asked in ((0, URLS[:3], 3), (1, URLS[:5], 2), (26, URLS[:5], 5)):
        web.clear()
        left = start(services, issue_id, Errand(urls, None), timedelta(hours=after))
        assert left is not None
        inspect(services.engine, issue_id, left, lambda: CUTOFF)
        assert len(web) == asked
    with reading(services.engine) as session:
        assert len(session.scalars(select(LinkCheck)).all()) == 5


def test_one_inspection_at_a_time(services: Services, issue_id: int) -> None:
    """While one goes on no other begins; one that was silent for long is begun anew."""
    asked = Errand(URLS, None)
    assert start(services, issue_id, asked)
    assert start(services, issue_id, asked, timedelta(seconds=30)) is None
    assert start(services, issue_id, asked, inspection.SILENCE)


def test_without_a_network(services: Services, issue_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing answers, no link is called dead: it is said that nothing was checked."""

    def nowhere(urls: tuple[str, ...], told: Told) -> None:
        for url in urls:
            told(Followed(url, trouble=Trouble.NO_NAME))
        raise links.Offline

    monkeypatch.setattr(links, "follow", nowhere)
    left = start(services, issue_id, Errand(URLS, None))
    assert left is not None
    inspect(services.engine, issue_id, left, lambda: CUTOFF)
    assert state(services, issue_id).trouble == inspection.NO_NETWORK
    with reading(services.engine) as session:
        assert session.scalars(select(LinkCheck)).all() == []


def test_progress_can_be_seen(services: Services, issue_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it goes on, others see how far it is, and hold no lock against it."""
    seen: list[int] = []

    def answer(urls: tuple[str, ...], told: Told) -> None:
        for url in urls:
            told(Followed(url, 200))
            seen.append(state(services, issue_id).done)

    monkeypatch.setattr(links, "follow", answer)
    left = start(services, issue_id, Errand(URLS, None))
    assert left is not None
    inspect(services.engine, issue_id, left, lambda: CUTOFF)
    assert seen == [0] * (inspection.PORTION - 1) + [inspection.PORTION] * 3


def test_the_errand_of_an_issue(services: Services, issue_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be asked: each link of the stories once; the whole mail, where somebody can score it."""

    def made() -> Errand:
        with reading(services.engine) as session:
            return errand(
                session,
                session.get_one(Issue, issue_id),
                services.renderer,
                site=services.site,
                sender=services.settings.mail_from,
                public_url=services.settings.public_url,
                now=CUTOFF,
            )

    monkeypatch.setattr(spam, "is_installed", lambda: False)
    assert made() == Errand(URLS[:3], None)
    monkeypatch.setattr(spam, "is_installed", lambda: True)
    message = made().message
    assert message is not None
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in message
    assert b"multipart/alternative" in message


def test_the_spam_score(
    services: Services, issue_id: int, web: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SpamAssassin says is kept; a mail that it calls spam is warned of."""
    monkeypatch.setattr(spam, "score", lambda _message: spam.Score(6.2, "URI_PHISH, SHOUTING"))
    left = start(services, issue_id, Errand((), b"a mail"))
    assert left is not None
    inspect(services.engine, issue_id, left, lambda: CUTOFF)
    assert state(services, issue_id).spam_rules == "URI_PHISH, SHOUTING"
    with reading(services.engine) as session:
        found = services.look_over(session, session.get_one(Issue, issue_id), CUTOFF)
    assert "SpamAssassin gives it 6.2 points, 5 are spam" in [finding.words for finding in found]
