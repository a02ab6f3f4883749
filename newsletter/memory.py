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
    #: by an alert, and not by a digest
    alerted: bool = False


def news_since(told: Told, content: StoryContent, *, now: datetime) -> tuple[str, ...]:
    """What a reader who was told `told` does not know yet; empty when it is not worth a word.

    New are: at least twice as many outlets, another impact label, a company that was not mentioned.
    """
    more = _more_outlets(told, content)
    is_doubled = more >= 2 and len(content.outlets) >= 2 * len(told.content.outlets)
    outlets = (f"+{more} outlets since {_day(told, now)}",) if is_doubled else ()
    return (*outlets, *_new_facts(told, content))


def heard_of(told: Told, content: StoryContent, *, now: datetime) -> str:
    """What is said of a story to those who know it: `You heard of it on Tuesday; since then +6 outlets`."""
    words = f"You heard of it on {_day(told, now)}"
    more = _more_outlets(told, content)
    outlets = (f"+{more} {'outlet' if more == 1 else 'outlets'}",) if more > 0 else ()
    since = (*outlets, *_new_facts(told, content))
    return f"{words}; since then {', '.join(since)}" if since else words


def still_says(content: StoryContent, later: StoryContent) -> bool:
    """Whether what comes `later` takes nothing back: whatever is news in `content` is news in it, too."""
    return (
        content.impact in (None, later.impact)
        and content.company_terms <= later.company_terms
        and len(content.outlets) <= len(later.outlets)
    )


def _new_facts(told: Told, content: StoryContent) -> tuple[str, ...]:
    """What is new beside the outlets."""
    facts = []
    if content.impact and content.impact != told.content.impact:
        before = f"{told.content.impact.effect} → " if told.content.impact else ""
        facts.append(f"label changed: {before}{content.impact.effect}")
    new = [company.name for company in content.companies if company.key not in told.content.company_terms]
    if new:
        facts.append(f"now also about {', '.join(new)}")
    return tuple(facts)


def _more_outlets(told: Told, content: StoryContent) -> int:
    return len(content.outlets) - len(told.content.outlets)


def _day(told: Told, now: datetime) -> str:
    return f"{told.at:%A}" if now - told.at < timedelta(days=6) else f"{told.at.day} {told.at:%B}"
