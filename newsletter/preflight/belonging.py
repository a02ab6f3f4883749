"""Whether TL;DR and analysis speak of their own story, or two of an issue were crossed. Pure.

A text is held against what is known of every story of the issue: its title, its companies, the titles
of its reports. Languages share names and numbers at least, so a Chinese summary of an English report
still shows where it belongs; where they share nothing, nothing is said.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.words import tldr_of
from newsletter.rendering.telling import Telling
from newsletter.rendering.urls import fit, host

Terms = frozenset[str]

#: how much better two texts must fit the other's story, in terms that belong to one story alone
MARGIN = 1.0
#: a text of fewer terms tells too little to be judged alone
FEWEST, FEWEST_IN_ANALYSIS = 5, 30

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]+|\d[\d.,]*\d|[^\W\d_{_IDEOGRAPHS}][^\W_{_IDEOGRAPHS}]+")
_URL = re.compile(r"https?://[^\s()]+")
#: English words that say nothing of a story; three letters or more
_FREQUENT_WORDS = (
    "about after again against also and any are because been before being between both but can could "
    "did does during each for from get had has have her here him his how into its just like made make "
    "may might more most new not now off one only other our out over own said same say says she should "
    "some still such than that the their them then there these they this those through too two under "
    "until use used using very was were what when where which while who whom why will with would you "
    "your"
)
_FREQUENT = frozenset(_FREQUENT_WORDS.split())


def terms(text: str) -> Terms:
    """What a text is known by: words but for the most frequent ones, numbers, pairs of ideographs."""
    found: set[str] = set()
    for word in _WORD.findall(_URL.sub(" ", text).casefold()):
        if _is_ideographic(word):
            found.update(word[at : at + 2] for at in range(len(word) - 1))
        elif word[0].isdigit():
            found.add(word.replace(",", ""))
        elif len(word) > 2 and word not in _FREQUENT:
            found.add(word[:-1] if len(word) > 4 and word.endswith("s") else word)
    return frozenset(found)


def subject_of(telling: Telling) -> Terms:
    """What is known of a story apart from its TL;DR and its analysis."""
    content = telling.content
    titles = (telling.headline, content.title, *(article.title for article in content.coverage))
    return terms(" ".join(filter(None, (*titles, *(company.name for company in content.companies)))))


def belonging(tellings: Sequence[Telling]) -> Iterator[Finding]:
    """The TL;DRs and analyses of an issue that speak of another story than theirs, or of none of it."""
    about = [subject_of(telling) for telling in tellings]
    tldrs = [terms(tldr_of(telling) or "") for telling in tellings]
    analyses = [_markdown(telling) for telling in tellings]
    # an analysis may name nobody again; then it cites the reports, or speaks of what the TL;DR told
    reports = [known | _hosts(telling) for known, telling in zip(about, tellings, strict=True)]
    around = [known | tldr for known, tldr in zip(reports, tldrs, strict=True)]
    for where, written, known, wider, fewest in (
        ("TL;DR", tldrs, about, about, FEWEST),
        ("analysis", analyses, reports, around, FEWEST_IN_ANALYSIS),
    ):
        crossed = list(_crossed(written, known))
        for pair in crossed:
            for here, there in (pair, pair[::-1]):
                other = tellings[there].headline or tellings[there].content.title
                words = f"it seems to speak of “{other}”, as if the two were crossed"
                yield _finding(where, words, tellings[here])
        paired = {place for pair in crossed for place in pair}
        for place, text in enumerate(written):
            if place not in paired and len(text) >= fewest and _is_foreign(text, wider[place]):
                words = "it names nothing of what the rest of its story names"
                yield _finding(where, words, tellings[place])


def _markdown(telling: Telling) -> Terms:
    """The terms of an analysis, with the hosts that it cites."""
    text = telling.content.analysis.markdown if telling.content.analysis else ""
    return terms(text) | frozenset(host(url) for url in map(fit, _URL.findall(text)) if url)


def _hosts(telling: Telling) -> Terms:
    """Where the reports of a story are."""
    return frozenset(host(url) for article in telling.content.coverage if (url := fit(article.url)))


def _finding(where: str, words: str, telling: Telling) -> Finding:
    remedy = "read both; rewrite it for this issue, or drop the story"
    return Finding("own story", Severity.WARNING, where, words, remedy, telling.story_id)


def _crossed(written: Sequence[Terms], about: Sequence[Terms]) -> Iterator[tuple[int, int]]:
    """The places of two texts that fit the other's story better than their own, the clearest first."""
    rarity = Counter(word for story in about for word in story)

    def fitting(text: int, story: int) -> float:
        return sum(1 / rarity[word] for word in written[text] & about[story])

    places = [place for place, text in enumerate(written) if text]
    own = {place: fitting(place, place) for place in places}
    gains = {
        (one, other): fitting(one, other) + fitting(other, one) - own[one] - own[other]
        for one, other in combinations(places, 2)
    }
    paired: set[int] = set()
    for pair in sorted(gains, key=lambda pair: -gains[pair]):
        if gains[pair] > MARGIN and paired.isdisjoint(pair):
            paired.update(pair)
            yield pair


def _is_foreign(text: Terms, about: Terms) -> bool:
    """Whether a text shares no term with a story in the same script."""
    same_script = any(map(_is_ideographic, text)) == any(map(_is_ideographic, about))
    return same_script and not text & about


def _is_ideographic(word: str) -> bool:
    return bool(re.match(f"[{_IDEOGRAPHS}]", word))
