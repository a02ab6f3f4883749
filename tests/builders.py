"""Values for tests, with everything that a test does not care about filled in."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.pool import Candidate

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)


def a_story(title: str = "A model passes a test", *, outlets: int = 2, **changes: Any) -> StoryContent:
    """A whole story with `outlets` reports; `changes` are fields of StoryContent."""
    story = StoryContent(
        title=title,
        date=date(2026, 1, 8),
        category="Research",
        primary_outlet="Outlet 1",
        primary_url="https://outlet1.example/report",
        tldr=Tldr(f"In short: {title}.", Maker.AI, outlets),
        about="Made from several reports.",
        analysis=Analysis("Analysis", "A thought.([outlet1.example](https://outlet1.example/report))"),
        impact=Impact.ADVANCE,
        audiences=("Investors", "Researchers"),
        companies=(Company("Sample Lab", "AI Lab", "France", "$1.0B"),),
        coverage=coverage(outlets),
    )
    return replace(story, **changes)


def coverage(outlets: int, *, language: str | None = None) -> tuple[Article, ...]:
    return tuple(
        Article(f"Outlet {n}", f"https://outlet{n}.example/report", language) for n in range(1, outlets + 1)
    )


def a_candidate(
    story_id: int = 1, content: StoryContent | None = None, *, hours_ago: float = 1, **changes: Any
) -> Candidate:
    """A candidate first seen `hours_ago` before NOON."""
    return Candidate(
        story_id=story_id,
        revision=changes.pop("revision", 1),
        content=content or a_story(f"Story number {story_id}", companies=(), category=None),
        first_seen_at=NOON - timedelta(hours=hours_ago),
        **changes,
    )
