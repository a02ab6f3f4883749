"""The gates that a story must pass on its way to a reader, each with its reason. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from newsletter.content import StoryContent
from newsletter.memory import Told
from newsletter.pool import Candidate, Pool
from subscribers.lens import Lens, term


@dataclass(frozen=True, slots=True)
class Window:
    """When a story must have been first seen to be new in this issue, for these readers."""

    #: their last issue's cut-off: what was seen later is new
    new_since: datetime
    #: what was seen after this, but before `new_since`, may have overflowed
    overflow_since: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    rule: str
    passed: bool
    text: str
    #: said to the reader in the mail
    shown: bool = False


def gates(
    candidate: Candidate,
    pool: Pool,
    lens: Lens,
    told: Told | None,
    changes: tuple[str, ...],
    window: Window,
    *,
    alert: str | None,
) -> Iterator[Reason]:
    """What lets the story pass to readers of the lens who were told `told` before, and what does not.

    `changes` are news to them since. With `alert`, in their words, it was to be an alert: then neither
    lens nor age nor coverage keeps it out.
    """
    chosen = _is_chosen(candidate, lens)
    yield from _editors_word(candidate, lens)
    yield from mutes(candidate, pool, lens)
    if alert is None:
        yield from _concern(candidate, pool, lens, chosen=chosen)
    else:
        yield from _matches(candidate, pool, lens)
        yield Reason("alert", True, alert, shown=True)
    yield _memory(told, changes)
    wanted = chosen or alert is not None
    yield _freshness(candidate, window, exempt=wanted or candidate.added or bool(changes))
    yield from _coverage(candidate, lens, chosen=wanted)
    if alert is None:
        yield from _languages(candidate.content, lens)


def leads(candidate: Candidate, lens: Lens) -> bool:
    """Whether the editors made it the lead story of the lens' readers."""
    return bool(candidate.lead_for & lens.audiences)


def _is_chosen(candidate: Candidate, lens: Lens) -> bool:
    return leads(candidate, lens) or candidate.pin is not None


def _editors_word(candidate: Candidate, lens: Lens) -> Iterator[Reason]:
    if candidate.retracted:
        yield Reason("retracted", False, "retracted")
    if candidate.dropped:
        yield Reason("editors", False, "dropped by the editors")
    elif _is_chosen(candidate, lens):
        yield Reason("editors", True, "editors' choice", shown=True)
    elif candidate.rank is not None:
        yield Reason("editors", True, "placed by the editors")


def mutes(candidate: Candidate, pool: Pool, lens: Lens) -> Iterator[Reason]:
    """Each company and topic of the story of which readers of the lens want to hear nothing."""
    for company in sorted(lens.muted_companies):
        if pool.mentions(candidate, company):
            yield Reason("mutes", False, f"muted the company {pool.name(company)}")
    for topic in sorted(lens.muted_topics):
        if pool.touches(candidate, topic):
            yield Reason("mutes", False, f"muted the topic {topic}")


def _concern(candidate: Candidate, pool: Pool, lens: Lens, *, chosen: bool) -> Iterator[Reason]:
    found = list(_matches(candidate, pool, lens))
    yield from found
    if found:
        return
    if not (lens.audiences or lens.companies or lens.topics):
        yield Reason("audience", True, "the reader chose no audience, company or topic: all concern them")
    elif lens.audiences and not candidate.content.audiences:
        yield Reason("audience", True, "the story names no audience: it concerns every audience")
    elif chosen:
        yield Reason("audience", True, "chosen by the editors for these readers")
    else:
        meant = ", ".join(candidate.content.audiences) or "nobody in particular"
        yield Reason("audience", False, f"for {meant}; about no company or topic that the reader follows")


def _matches(candidate: Candidate, pool: Pool, lens: Lens) -> Iterator[Reason]:
    for audience in candidate.content.audiences:
        if term(audience) in lens.audiences:
            yield Reason("audience", True, audience, shown=True)
    for company in sorted(lens.companies):
        if pool.mentions(candidate, company):
            yield Reason("company", True, f"follows {pool.name(company)}", shown=True)
    for topic in sorted(lens.topics):
        if pool.touches(candidate, topic):
            yield Reason("topic", True, f"topic {topic}", shown=True)


def _memory(told: Told | None, changes: tuple[str, ...]) -> Reason:
    if told is None:
        return Reason("told", True, "never told to this reader")
    day = f"{told.at:%A %d %B %Y}"
    if changes:
        return Reason("told", True, f"told on {day}; since then {', '.join(changes)}")
    return Reason("told", False, f"told on {day}, and nothing new since")


def _freshness(candidate: Candidate, window: Window, *, exempt: bool) -> Reason:
    if candidate.first_seen_at > window.closes:
        return Reason("fresh", False, "first seen after the cut-off")
    if candidate.first_seen_at > window.new_since:
        return Reason("fresh", True, "first seen since the last issue")
    if exempt:
        return Reason(
            "fresh", True, "older than the last issue, but chosen by the editors, updated or an alert"
        )
    if candidate.first_seen_at > window.overflow_since:
        return Reason("fresh", True, "had no place in the last issue")
    return Reason("fresh", False, "older than the last issue")


def _coverage(candidate: Candidate, lens: Lens, *, chosen: bool) -> Iterator[Reason]:
    outlets = len(candidate.content.outlets)
    if outlets < lens.min_outlets and not chosen:
        yield Reason(
            "coverage", False, f"{outlets} of the {lens.min_outlets} outlets that the reader asks for"
        )
    elif outlets > 1:
        yield Reason("coverage", True, f"{outlets} outlets", shown=True)


def _languages(content: StoryContent, lens: Lens) -> Iterator[Reason]:
    """A story can be read if it is told in one of the reader's languages, or reported in one."""
    told = {language.partition("-")[0].lower() for language in (content.language, *content.languages)}
    if lens.languages and not told & lens.languages:
        yield Reason("language", False, f"in {', '.join(sorted(told))}, which the reader did not choose")
