"""What readers were told of a story, and what is news to them since. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.content import StoryContent


@dataclass(frozen=True, slots=True)
class Told:
    """What a reader was told of a story last."""

    revision: int
    content: StoryContent
    at: datetime


def news_since(told: Told, content: StoryContent, *, now: datetime) -> tuple[str, ...]:
    """What a reader who was told `told` does not know yet; empty when it is not worth a word.

    New are: at least twice as many outlets, another impact label, a company that was not mentioned.
    """
    since = f"{told.at:%A}" if now - told.at < timedelta(days=6) else f"{told.at.day} {told.at:%B}"
    changes = []
    more = len(content.outlets) - len(told.content.outlets)
    if more >= 2 and len(content.outlets) >= 2 * len(told.content.outlets):
        changes.append(f"+{more} outlets since {since}")
    if content.impact and content.impact != told.content.impact:
        before = f"{told.content.impact.effect} → " if told.content.impact else ""
        changes.append(f"label changed: {before}{content.impact.effect}")
    new = [company.name for company in content.companies if company.key not in told.content.company_terms]
    if new:
        changes.append(f"now also about {', '.join(new)}")
    return tuple(changes)
