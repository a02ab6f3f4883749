"""Which stories a reader gets, in which order, and why. Pure: values in, an explained value out.

Every candidate passes the same gates; those that pass are scored and taken best first, spread over
companies and categories. Each gate and each point leaves a `Reason`, for the mail's footer and for
`newsletter why`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import log2

from newsletter.content import Impact, StoryContent
from newsletter.memory import Told, news_since
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
class Limits:
    minimum: int
    maximum: int
    per_company: int = 2
    per_category: int = 3


@dataclass(frozen=True, slots=True)
class Reason:
    rule: str
    passed: bool
    text: str
    #: said to the reader in the mail
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    candidate: Candidate
    #: 1 is the lead; None for a story left out
    place: int | None
    score: int
    reasons: tuple[Reason, ...]
    #: what is new to a reader who was told before; then the story is told as an update
    changes: tuple[str, ...] = ()
    #: the editors made it the lead story of these readers
    lead: bool = False

    @property
    def is_set(self) -> bool:
        """Whether the editors gave it its place, so that nothing crowds it out."""
        return self.lead or self.candidate.pin is not None or self.candidate.rank is not None

    @property
    def because(self) -> tuple[str, ...]:
        """The reasons that the mail shows."""
        shown = tuple(reason.text for reason in self.reasons if reason.shown)
        return shown or ("new since your last issue",)


@dataclass(frozen=True, slots=True)
class Selection:
    #: the picks in their order, then the stories left out, best first
    decisions: tuple[Decision, ...]
    #: why these readers get no mail; None when they get one
    skipped: str | None
    #: they want every story in its short form
    short: bool = False

    @property
    def picks(self) -> tuple[Decision, ...]:
        return tuple(decision for decision in self.decisions if decision.place is not None)


def select(
    pool: Pool,
    lens: Lens,
    told: Mapping[int, Told],
    muted: Collection[int] = (),
    *,
    window: Window,
    limits: Limits,
) -> Selection:
    """The stories of `pool` for readers of one lens who were told `told` (by story id) before.

    `muted` are the ids of stories of which they want to hear nothing more.
    """
    judged = [
        _mute(_judge(candidate, pool, lens, told.get(candidate.story_id), window), muted)
        for candidate in pool
    ]
    passed = sorted((d for d in judged if _passes(d)), key=_rank)
    failed = [decision for decision in judged if not _passes(decision)]
    picked, left = _spread(passed, limits)
    skipped = None
    if len(picked) < limits.minimum:
        skipped = f"{len(picked)} of the {limits.minimum} stories that it takes at least"
        left = [_leave(d, "minimum", f"the issue is skipped: {skipped}") for d in picked] + left
        picked = []
    placed = [replace(decision, place=place) for place, decision in enumerate(picked, start=1)]
    return Selection((*placed, *left, *sorted(failed, key=_rank)), skipped, lens.short)


def _passes(decision: Decision) -> bool:
    return all(reason.passed for reason in decision.reasons)


def _rank(decision: Decision) -> tuple[bool, int, int, int, float, int]:
    candidate = decision.candidate
    pin, rank = (_LAST if place is None else place for place in (candidate.pin, candidate.rank))
    newest = -candidate.first_seen_at.timestamp()
    return not decision.lead, pin, rank, -decision.score, newest, candidate.story_id


#: behind all that the editors placed
_LAST = 1_000_000


def _mute(decision: Decision, muted: Collection[int]) -> Decision:
    return _leave(decision, "mutes", "muted this story") if decision.candidate.story_id in muted else decision


def _leave(decision: Decision, rule: str, text: str) -> Decision:
    return replace(decision, reasons=(*decision.reasons, Reason(rule, False, text)))


def _judge(candidate: Candidate, pool: Pool, lens: Lens, told: Told | None, window: Window) -> Decision:
    changes = news_since(told, candidate.content, now=window.closes) if told else ()
    leads = candidate.lead_for & lens.audiences
    chosen = bool(leads) or candidate.pin is not None
    reasons = [
        *_editors_word(candidate, leads=bool(leads)),
        *_mutes(candidate, pool, lens),
        *_concern(candidate, pool, lens, chosen=chosen),
        _memory(told, changes),
        _freshness(candidate, window, exempt=chosen or candidate.added or bool(changes)),
        *_coverage(candidate, lens, chosen=chosen),
        *_languages(candidate.content, lens),
    ]
    score = _score(candidate, pool, lens, window)
    return Decision(candidate, None, score, tuple(reasons), changes, bool(leads))


def _editors_word(candidate: Candidate, *, leads: bool) -> Iterator[Reason]:
    if candidate.retracted:
        yield Reason("retracted", False, "retracted")
    if candidate.dropped:
        yield Reason("editors", False, "dropped by the editors")
    elif leads or candidate.pin is not None:
        yield Reason("editors", True, "editors' choice", shown=True)
    elif candidate.rank is not None:
        yield Reason("editors", True, "placed by the editors")


def _mutes(candidate: Candidate, pool: Pool, lens: Lens) -> Iterator[Reason]:
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
        return Reason("fresh", True, "older than the last issue, but chosen by the editors or updated")
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


def _score(candidate: Candidate, pool: Pool, lens: Lens, window: Window) -> int:
    """Points, all whole numbers: what a reader asked for first, then coverage, impact and recency."""
    content = candidate.content
    points = 20 * bool(content.audience_terms & lens.audiences)
    points += 30 * any(pool.mentions(candidate, company) for company in lens.companies)
    points += 20 * any(pool.touches(candidate, topic) for topic in lens.topics)
    points += min(40, round(10 * log2(max(1, len(content.outlets)))))
    points += min(12, 3 * max(0, len(content.languages) - 1))
    points += 15 * (content.impact in (Impact.ADVANCE, Impact.DELAY))
    span = (window.closes - window.new_since) or timedelta(days=1)
    age = (candidate.first_seen_at - window.new_since) / span
    return points + (round(10 * min(1, age)) if age > 0 else -20)


def _spread(ranked: Iterable[Decision], limits: Limits) -> tuple[list[Decision], list[Decision]]:
    """The first `maximum`, passing over what would crowd; places still free go to those passed over."""
    picked: list[Decision] = []
    crowded: list[tuple[Decision, str]] = []
    left: list[Decision] = []
    taken: Counter[str] = Counter()
    for decision in ranked:
        crowd = _crowding(decision, taken, limits)
        if len(picked) == limits.maximum:
            left.append(_leave(decision, "place", f"the issue is full: {limits.maximum} stories rank higher"))
        elif crowd and not decision.is_set:
            crowded.append((decision, crowd))
        else:
            picked.append(decision)
            taken.update(_kinds(decision))
    free = limits.maximum - len(picked)
    picked = sorted(picked + [decision for decision, _ in crowded[:free]], key=_rank)
    left += [_leave(decision, "spread", crowd) for decision, crowd in crowded[free:]]
    return picked, sorted(left, key=_rank)


def _kinds(decision: Decision) -> list[str]:
    content = decision.candidate.content
    kinds = [f"about {company.name}" for company in content.companies]
    return [*kinds, f"in {content.category}"] if content.category else kinds


def _crowding(decision: Decision, taken: Counter[str], limits: Limits) -> str | None:
    for kind in _kinds(decision):
        limit = limits.per_category if kind.startswith("in ") else limits.per_company
        if taken[kind] >= limit:
            return f"spread: already {taken[kind]} stories {kind}"
    return None
