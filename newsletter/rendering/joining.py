"""From pieces to mails: string joins only, so an edition costs microseconds. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

from markupsafe import escape

from newsletter.links import LONGEST_READER, READER_SLOT
from newsletter.mail import Content
from newsletter.rendering.pieces import AlertShell, Card, Cut, Shell
from newsletter.rendering.typesetting import clean, cut, isolate, wrap

#: what a mail may weigh, in bytes of html: Gmail shows about 102 KB and hides the rest
LIMIT = 92 * 1024
#: in characters; our own signed links are shorter
LONGEST_LINK = 512
WORDS_PER_MINUTE = 220
#: characters of a subject, as RFC 5322 §2.1.1 advises for a line
SUBJECT = 78

_ANY_SLOT = re.compile(r"@@\w+@@")
_indented = partial(wrap, first="  ", rest="  ")
_LONGEST = {f"@@{READER_SLOT}@@": LONGEST_READER}


#: what brings a story to a reader beside a rule of theirs: the editors, or that it was told wrong
EDITORS, CORRECTION = "editors", "correction"


@dataclass(frozen=True, slots=True)
class Fired:
    """What brought a story to its reader by an alert, and the facts by which it did."""

    #: the number of a rule of theirs, `EDITORS` or `CORRECTION`
    by: int | str
    words: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A card in an edition; it is set once, however often the edition is joined."""

    card: Card
    #: why its readers see it, in the words shown to them
    because: tuple[str, ...]
    #: in an update: what is new since its readers were told; in a correction: what they were told;
    #: in a line: that they heard of it
    changes: tuple[str, ...] = ()
    #: in an alert: all that brought it, for the footer
    fired: tuple[Fired, ...] = ()

    @cached_property
    def html(self) -> str:
        return _fill(self.card.cut_html, {name: escape(words) for name, words in self._told.items()})

    @cached_property
    def text(self) -> str:
        return _fill(self.card.cut_text, self._told, set_block=wrap)

    @property
    def _told(self) -> dict[str, str]:
        return {"because": in_line(self.because), "changes": in_line(self.changes)}


def join(
    shell: Shell,
    entries: Sequence[Entry],
    *,
    subject: str,
    corrections: Sequence[Entry] = (),
    folds: Sequence[Entry] = (),
    lines: Sequence[Entry] = (),
    edition: str = "",
) -> Content:
    """The mail of an edition; what differs by reader stays in it as `@@slots@@`.

    The `corrections` stand above the stories, `folds` and `lines` below, and they are counted nowhere.
    `edition` is where the mail can be read on the web (`7/0f12…`); without it, nothing leads there.
    """
    cards = [entry.card for entry in entries]
    terms = {term for card in cards for term in card.outlet_terms}
    lead = preheader([card.lead for card in cards], [card.headline for card in cards])
    count = counts(len(cards), len(terms), sum(card.words for card in cards))
    several = len(cards) > 1  # a single story needs no list of contents
    told = (*corrections, *entries)
    html = {
        "preheader": escape(lead),
        "edition": edition,
        "counts": escape(count),
        "rows": "".join(card.row_html for card in cards) if several else "",
        "cards": "".join([entry.html for entry in told]),
        "folds": "".join([entry.html for entry in folds]),
        "lines": "".join([entry.html for entry in lines]),
    }
    text = {
        "edition": edition,
        "counts": count,
        "rows": "\n".join(card.row_text for card in cards) if several else "",
        "cards": "\n\n".join([entry.text for entry in told]),
        "folds": "\n\n".join([entry.text for entry in folds]),
        "lines": "\n\n".join([entry.text for entry in lines]),
    }
    return Content(subject, _fill(shell.cut_html, html), _fill(shell.cut_text, text))


def join_alert(shell: AlertShell, entries: Sequence[Entry], *, subject: str, heading: str = "") -> Content:
    """The mail of an alert; what differs by reader stays in it as `@@slots@@`.

    `heading` stands over stories none of which leads.
    """
    cards = [entry.card for entry in entries]
    lead = preheader([card.lead for card in cards], [card.headline for card in cards])
    brought = [_brought(by, entries) for by in dict.fromkeys(one.by for e in entries for one in e.fired)]
    html = {
        "preheader": escape(lead),
        "heading": escape(heading),
        "rules": "".join(_fill(shell.cut_rule_html, html) for html, _ in brought),
        "cards": "".join(entry.html for entry in entries),
    }
    text = {
        "heading": heading,
        "rules": "\n\n".join(_fill(shell.cut_rule_text, text, set_block=wrap) for _, text in brought),
        "cards": "\n\n".join(entry.text for entry in entries),
    }
    return Content(subject, _fill(shell.cut_html, html), _fill(shell.cut_text, text))


def _brought(by: int | str, entries: Sequence[Entry]) -> tuple[dict[str, str], dict[str, str]]:
    """One reason for a mail, said once, with the facts of each of its stories: as html and as text."""
    told = [(entry.card, one) for entry in entries for one in entry.fired if one.by == by]
    is_rule = isinstance(by, int)
    words = in_line((told[-1][1].words,))
    facts = in_line(tuple(dict.fromkeys(fact for _, one in told for fact in one.facts)))
    several = len(entries) > 1  # the only story of a mail needs no title
    values = {
        "rule": str(by) if is_rule else "",
        "editors": EDITORS if by == EDITORS else "",
        "words": words if is_rule else "",
        "others": "" if is_rule else words,
        "met": "" if several else facts,
        "facts": facts,  # as shells that were kept before ask for it: of all stories in one line
    }
    rows = [(card, in_line(one.facts)) for card, one in told] if several else []
    in_html = [_fill(card.cut_row_html, {"facts": escape(met)}) for card, met in rows]
    in_text = ["\n" + _fill(card.cut_row_text, {"facts": met}, set_block=_indented) for card, met in rows]
    html = {name: str(escape(value)) for name, value in values.items()}
    return html | {"stories": "".join(in_html)}, values | {"stories": "".join(in_text)}


def alert_subject(headline: str, *, further: int, begin: str = "Alert") -> str:
    """`Alert: France signs with Mistral AI (+2)`: one line, where only the headline is cut."""
    more = f" (+{further})" if further else ""
    return f"{begin}: {cut(clean(headline), SUBJECT - len(begin) - len(more) - 2)}{more}"


def size_of(content: Content) -> int:
    """The bytes of the html once every slot holds the longest possible link, or mark of a reader."""
    slots = _ANY_SLOT.findall(content.html)
    return len(content.html.encode()) + sum(_LONGEST.get(slot, LONGEST_LINK) - len(slot) for slot in slots)


def shorten(
    shell: Shell,
    entries: Sequence[tuple[Entry, Entry]],
    *,
    subject: str,
    corrections: Sequence[Entry] = (),
    folds: Sequence[Entry] = (),
    lines: Sequence[Entry] = (),
    edition: str = "",
    limit: int = LIMIT,
) -> list[Entry]:
    """Of each pair (as wanted, compact) the one with which the whole stays within `limit` bytes.

    The tail is shortened first, story by story. If even all of them compact are too large, the last
    are left out, but never all: one compact entry may exceed the limit. Corrections, folds and lines are
    never shortened.
    """
    compact = [small for _, small in entries]

    def fits(chosen: Sequence[Entry]) -> bool:
        mail = join(
            shell,
            chosen,
            subject=subject,
            corrections=corrections,
            folds=folds,
            lines=lines,
            edition=edition,
        )
        return size_of(mail) <= limit

    for wanted in range(len(entries), -1, -1):
        chosen = [large for large, _ in entries[:wanted]] + compact[wanted:]
        if fits(chosen):
            return chosen
    for kept in range(len(entries) - 1, 1, -1):
        if fits(compact[:kept]):
            return compact[:kept]
    return compact[:1]


def counts(stories: int, outlets: int, words: int) -> str:
    """`8 stories · 27 outlets · 6 min read`; what is nought is left out."""
    minutes = max(1, round(words / WORDS_PER_MINUTE))
    told = [_number(stories, "story", "stories"), _number(outlets, "outlet", "outlets")]
    return " · ".join([part for part in told if part] + [f"{minutes} min read"])


def preheader(leads: Sequence[str], headlines: Sequence[str]) -> str:
    """What a mailbox shows beside the subject: how the first story begins, else the other titles."""
    lead = leads[0] if leads else ""
    return lead or " · ".join(headlines[1:3])


@lru_cache(maxsize=4096)
def in_line(words: tuple[str, ...]) -> str:
    """Reasons or changes on one line: `Investors · 14 outlets`."""
    return " · ".join(filter(None, (isolate(clean(word)) for word in words)))


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}" if count else ""


def _fill(cut: Cut, values: Mapping[str, str], *, set_block: Callable[[str], str] = str) -> str:
    """The part with its slots filled, without the blocks whose slot has nothing to hold."""
    filled: list[str] = []
    for place, parts in enumerate(cut):
        is_block = place % 2 == 1
        if is_block and not values[parts[1]]:
            continue
        text = list(parts)
        text[1::2] = [values[name] for name in parts[1::2]]
        filled += [set_block("".join(text))] if is_block else text
    return "".join(filled)
