"""An issue in which every reader has an edition of their own: all leave, and few are in memory at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter import composition
from newsletter.content import Company, StoryContent
from newsletter.dispatch import claims
from newsletter.mail import Enough, HandedOver, Mail
from newsletter.models import Edition
from newsletter.store.engine import reading
from newsletter.tick import tick_issues
from newsletter.wiring import Services
from tests.builders import a_story
from tests.faulty import FaultyProvider
from tests.issues import PUBLISH, states, subscribe, tell

LABS = 12
FEW = 3
LATER = PUBLISH + timedelta(hours=3)


def story_of(lab: int) -> StoryContent:
    return a_story(f"Lab-{lab}-X moves", companies=(Company(f"Lab {lab}", "AI Lab"),))


class Watching(FaultyProvider):
    """Hands over, and remembers what each reader got, and how many mails and contents each call held."""

    def __init__(self, services: Services) -> None:
        super().__init__(services.provider, lambda _: None)
        self.got: dict[str, str] = {}
        self.calls: list[tuple[int, int]] = []

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        self.got |= {mail.to: mail.content.html for mail in mails}
        self.calls.append((len(mails), len({mail.content.html for mail in mails})))
        return super().hand_over(mails, enough)


@pytest.fixture
def issue(services: Services, monkeypatch: pytest.MonkeyPatch) -> tuple[Services, Watching]:
    """Every reader follows another company, and every company has a story."""
    monkeypatch.setattr(claims, "MOST_EDITIONS", FEW)
    monkeypatch.setattr(composition, "REMEMBERED", FEW)
    tell(services, *map(story_of, range(LABS)))
    for n in range(LABS):
        subscribe(services, f"reader{n}@inbox.example", companies=[f"Lab {n}"])
    tick_issues(services, LATER)
    with reading(services.engine) as session:
        assert session.scalar(select(func.count()).select_from(Edition)) == LABS
    watching = Watching(services)
    return replace(services, provider=watching), watching


@pytest.mark.parametrize("workers", [1, 3])
def test_everybody_gets_their_own(issue: tuple[Services, Watching], workers: int) -> None:
    """However many threads compose at once: each mail tells its reader's story and no other, and no more
    contents are held than are meant to be."""
    services, watching = issue
    hands = [services.dispatcher() for _ in range(workers)]
    with ThreadPoolExecutor(workers) as threads:
        for done in [threads.submit(one.run, LATER) for one in hands]:
            assert done.result().stopped is None
    assert states(services) == {"accepted": LABS}
    for n in range(LABS):
        told = [
            other for other in range(LABS) if f"Lab-{other}-X" in watching.got[f"reader{n}@inbox.example"]
        ]
        assert told == [n]
    assert max(contents for _, contents in watching.calls) <= FEW
    assert len(services.composer._contents) <= FEW


def test_who_shares_an_edition_is_claimed_together(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few editions a claim may hold, it takes as many readers of each as it may take mails."""
    monkeypatch.setattr(claims, "MOST_EDITIONS", 1)
    tell(services, *map(story_of, range(2)))
    for n in range(10):
        subscribe(services, f"reader{n}@inbox.example", companies=[f"Lab {n % 2}"])
    tick_issues(services, LATER)
    watching = Watching(services)
    replace(services, provider=watching).dispatcher().run(LATER)
    assert watching.calls == [(5, 1), (5, 1)]
