"""Which stories a reader gets, in which order, and why. Pure: values in, an explained value out.

Every candidate passes the same gates (`judging`); those that pass are scored and taken best first,
spread over companies and categories. Each gate leaves a `Reason`, for the mail's footer and for
`newsletter why`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from math import log2
from types import MappingProxyType

from newsletter.content import Impact
from newsletter.judging import Reason, Window, gates, leads
from newsletter.memory import Told, heard_of, news_since
from newsletter.pool import Candidate, Pool
from subscribers.lens import Lens

MOST_RECENT = 10
#: no fold for anybody
NOTHING: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Limits:
    minimum: int
    maximum: int
    per_company: int = 2
    per_category: int = 3


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
    #: it was to be an alert, and waited for this issue instead
    folded: bool = False
    #: left to this issue, which has no place for it any more: it is told in one line
    brief: bool = False
    #: an alert told it: what a line at the end of the mail says, if it has no other place there
    heard: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether the editors gave it its place, or an alert, so that nothing crowds it out."""
        placed = self.lead or self.candidate.pin is not None or self.candidate.rank is not None
        return placed or self.folded

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
    #: of the stories left out, those that an alert told, if they want to hear that again, best first
    lines: tuple[Decision, ...] = ()

    @property
    def picks(self) -> tuple[Decision, ...]:
        """What has a place of its own."""
        return tuple(one for one in self.decisions if one.place is not None and not one.brief)

    @property
    def folds(self) -> tuple[Decision, ...]:
        """What was left to this issue and is told in one line, behind all that has a place of its own."""
        return tuple(one for one in self.decisions if one.place is not None and one.brief)


def select(
    pool: Pool,
    lens: Lens,
    told: Mapping[int, Told],
    muted: Collection[int] = (),
    *,
    window: Window,
    limits: Limits,
    folded: Mapping[int, str] = NOTHING,
    lines: bool = False,
) -> Selection:
    """The stories of `pool` for readers of one lens who were told `told` (by story id) before.

    `muted` are the ids of stories of which they want to hear nothing more. `folded` are those that were
    to be alerts, each with the reason that they are told: neither lens nor age nor coverage keeps them
    out, nor that they are too few for an issue, and those that find no place are told in brief. With
    `lines` the mail says of what an alert told, and is not told again, that they heard of it, and what
    came since.
    """
    judged = []
    for candidate in pool:
        number = candidate.story_id
        decision = _judge(candidate, pool, lens, told.get(number), window, alert=folded.get(number))
        judged.append(_mute(decision, muted))
    passed = sorted((d for d in judged if _passes(d)), key=_rank)
    failed = [decision for decision in judged if not _passes(decision)]
    picked, left = _spread(passed, limits)
    skipped = None
    if len(picked) < limits.minimum and not any(decision.folded for decision in picked):
        skipped = f"{len(picked)} of the {limits.minimum} stories that it takes at least"
        left = [_leave(d, "minimum", f"the issue is skipped: {skipped}") for d in picked] + left
        picked = []
    placed = [replace(decision, place=place) for place, decision in enumerate(picked, start=1)]
    failed.sort(key=_rank)
    said = tuple(filter(_is_line, (*left, *failed))) if lines and not skipped else ()
    return Selection((*placed, *left, *failed), skipped, lens.short, said)


def comes_first(candidate: Candidate, pool: Pool, lens: Lens, *, window: Window) -> bool:
    """Whether readers of the lens who were told nothing before get this story first of all, before any
    other of the pool; it need not be in it.

    Asked of many lenses, so it looks no further than to the first story that goes before.
    """
    mine = _judge(candidate, Pool([candidate]), lens, None, window, alert=None)
    if not _passes(mine):
        return False
    others = (other for other in pool if other.story_id != candidate.story_id)
    judged = (_judge(other, pool, lens, None, window, alert=None) for other in others)
    return not any(_rank(other) < _rank(mine) and _passes(other) for other in judged)


def _is_line(decision: Decision) -> bool:
    """Whether an alert told the story, and nobody wants to hear nothing more of it."""
    kept_out = {reason.rule for reason in decision.reasons if not reason.passed}
    return decision.heard is not None and not kept_out & {"retracted", "editors", "mutes"}


def _passes(decision: Decision) -> bool:
    return all(reason.passed for reason in decision.reasons)


def _rank(decision: Decision) -> tuple[bool, int, bool, int, int, float, int]:
    candidate = decision.candidate
    pin, rank = (_LAST if place is None else place for place in (candidate.pin, candidate.rank))
    newest = -candidate.first_seen_at.timestamp()
    return not decision.lead, pin, not decision.folded, rank, -decision.score, newest, candidate.story_id


#: behind all that the editors placed
_LAST = 1_000_000


def _mute(decision: Decision, muted: Collection[int]) -> Decision:
    return _leave(decision, "mutes", "muted this story") if decision.candidate.story_id in muted else decision


def _leave(decision: Decision, rule: str, text: str) -> Decision:
    return replace(decision, reasons=(*decision.reasons, Reason(rule, False, text)))


def _judge(
    candidate: Candidate,
    pool: Pool,
    lens: Lens,
    told: Told | None,
    window: Window,
    *,
    alert: str | None,
) -> Decision:
    content = candidate.content
    # an alert after the cut-off may have told them more than the issue knows
    newest = told.content if told and told.revision > candidate.revision else content
    changes = news_since(told, newest, now=window.closes) if told else ()
    reasons = tuple(gates(candidate, pool, lens, told, changes, window, alert=alert))
    heard = heard_of(told, newest, now=window.closes) if told and told.alerted else None
    return Decision(
        candidate,
        place=None,
        score=points(candidate, pool, lens) + recency(candidate, window),
        reasons=reasons,
        changes=changes,
        lead=leads(candidate, lens),
        folded=alert is not None,
        heard=heard,
    )


def points(candidate: Candidate, pool: Pool, lens: Lens) -> int:
    """Whole numbers: for what a reader asked for first, then for coverage and impact."""
    content = candidate.content
    asked_for = 20 * bool(content.audience_terms & lens.audiences)
    asked_for += 30 * any(pool.mentions(candidate, company) for company in lens.companies)
    asked_for += 20 * any(pool.touches(candidate, topic) for topic in lens.topics)
    coverage = min(40, round(10 * log2(max(1, len(content.outlets)))))
    coverage += min(12, 3 * max(0, len(content.languages) - 1))
    return asked_for + coverage + 15 * (content.impact in (Impact.ADVANCE, Impact.DELAY))


def recency(candidate: Candidate, window: Window) -> int:
    """The points that depend on the day: MOST_RECENT at most."""
    span = (window.closes - window.new_since) or timedelta(days=1)
    age = (candidate.first_seen_at - window.new_since) / span
    return round(MOST_RECENT * min(1, age)) if age > 0 else -20


def _spread(ranked: Iterable[Decision], limits: Limits) -> tuple[list[Decision], list[Decision]]:
    """The first `maximum`, passing over what would crowd; places still free go to those passed over.

    Behind them come, in brief, those left to this issue that found no place."""
    picked: list[Decision] = []
    crowded: list[tuple[Decision, str]] = []
    briefs: list[Decision] = []
    left: list[Decision] = []
    taken: Counter[str] = Counter()
    for decision in ranked:
        crowd = _crowding(decision, taken, limits)
        if len(picked) == limits.maximum and decision.folded:
            briefs.append(_in_brief(decision, limits))
        elif len(picked) == limits.maximum:
            left.append(_leave(decision, "place", f"the issue is full: {limits.maximum} stories rank higher"))
        elif crowd and not decision.is_set:
            crowded.append((decision, crowd))
        else:
            picked.append(decision)
            taken.update(_kinds(decision))
    free = limits.maximum - len(picked)
    picked = sorted(picked + [decision for decision, _ in crowded[:free]], key=_rank)
    left += [_leave(decision, "spread", crowd) for decision, crowd in crowded[free:]]
    return picked + briefs, sorted(left, key=_rank)


def _in_brief(decision: Decision, limits: Limits) -> Decision:
    full = Reason("place", True, f"the issue is full: {limits.maximum} stories rank higher; told in one line")
    return replace(decision, reasons=(*decision.reasons, full), brief=True)


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
