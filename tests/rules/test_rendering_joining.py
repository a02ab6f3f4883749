"""Joining: pieces make the same mail as a whole compile, and never one that is too large."""

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.rendering.joining import LONGEST_LINK, Entry, join, shorten, size_of
from newsletter.rendering.pieces import TELLING, Card, Form, Shell
from newsletter.rendering.telling import Telling
from tests.digests import (
    DAY,
    DESCRIPTION,
    EDITION,
    LINKS,
    NEWSLETTER,
    PLACE,
    RENDERER,
    RICH,
    digest,
    entry,
    shell,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "]]><!-- --><mj-section>",
    "@@unsubscribe_url@@",
    "@@*a*@@ &#64;@b@@",
    "\x00\x0b\x1b\x7f\ufdd0\ufdd1\ufdd4\ufffe\ud800",
    "\u202e\u2066\u2069\u200f",
    "&amp;&lt;&#0;&nbsp;",
    "  two\n\n\nlines\t",
    "([a.example](https://a.example/x?a=1&b=%22'<>), [b](javascript:alert(1)))",
    "<b>\n<i>",
    "**`]([<`** _x_",
    "عربي $5M 中文",
)
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=12), max_size=4).map("".join)
languages = st.sampled_from(("en", "ar", "zh", "he", "xx-nonsense", "en-US")) | hostile
links = st.none() | st.sampled_from(
    ("https://a.example/x", "javascript:x", "http://[", "https://é.example/ü")
)


@st.composite
def stories(draw: st.DrawFn) -> StoryContent:
    return StoryContent(
        title=draw(hostile),
        date=date(2026, 1, draw(st.integers(1, 28))),
        language=draw(languages),
        category=draw(st.none() | hostile),
        primary_outlet=draw(st.none() | hostile),
        primary_url=draw(links),
        tldr=draw(
            st.none() | st.builds(Tldr, hostile, st.sampled_from(Maker), st.none() | st.integers(0, 3))
        ),
        about=draw(st.none() | hostile),
        analysis=draw(st.none() | st.builds(Analysis, hostile, hostile)),
        impact=draw(st.none() | st.sampled_from(Impact)),
        audiences=tuple(draw(st.lists(hostile, max_size=3))),
        companies=tuple(draw(st.lists(st.builds(Company, hostile, hostile, hostile, hostile), max_size=2))),
        coverage=tuple(draw(st.lists(st.builds(Article, hostile, links, languages), max_size=15))),
    )


words = st.lists(hostile, max_size=3).map(tuple)
tellings = st.builds(
    Telling,
    stories(),
    st.sampled_from(TELLING),
    st.none() | hostile,
    st.none() | hostile,
    words,
    words,
    st.none() | st.integers(1, 2**40),
)


corrections = st.builds(
    Telling, stories(), st.just(Form.CORRECTION), note=hostile, changes=words, retracts=st.booleans()
)
folds = st.builds(
    Telling,
    stories(),
    st.just(Form.FOLD),
    headline=hostile.map("Left {}".format),
    because=words,
    changes=words,
)
lines = st.builds(
    Telling, stories(), st.just(Form.LINE), headline=hostile.map("Known {}".format), changes=words
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(tellings, min_size=1, max_size=5),
    st.lists(corrections, max_size=2),
    st.lists(folds, max_size=3),
    st.lists(lines, max_size=3),
)
def test_joined_equals_whole(
    edition: list[Telling], above: list[Telling], brief: list[Telling], below: list[Telling]
) -> None:
    """Joined pieces are byte for byte the mail that is compiled as one document, whatever stories,
    corrections, folds and lines say."""
    joined = digest(*edition, corrections=above, folds=brief, lines=below)
    whole = RENDERER.whole(
        edition,
        newsletter=NEWSLETTER,
        description=DESCRIPTION,
        date=DAY,
        subject=joined.subject,
        corrections=above,
        folds=brief,
        lines=below,
        edition=PLACE,
    )
    assert joined.html == whole.html
    assert joined.text == whole.text
    filled = joined.fill(LINKS)
    assert "@@" not in filled.html + filled.text
    assert filled.html.encode()
    assert not any(mark in filled.html + filled.text for mark in "\ufdd0\ufdd1\ufdd4\x00\u202e")


def test_stored_pieces_suffice() -> None:
    """Pieces that went through JSON join to the same mail, so an approval needs no template later."""

    def stored(document: object) -> dict[str, object]:
        return dict(json.loads(json.dumps(document)))

    entries = [entry(telling) for telling in EDITION]
    kept = [Entry(Card.from_json(stored(e.card.to_json())), e.because, e.changes) for e in entries]
    assert [e.card for e in kept] == [e.card for e in entries]
    again = join(Shell.from_json(stored(shell().to_json())), kept, subject="s")
    assert again == join(shell(), entries, subject="s")


def test_reasons_differ_by_edition() -> None:
    """One card serves readers with different reasons, and one without any reason shows no such line."""
    card = entry(Telling(RICH)).card
    for_investors = join(shell(), [Entry(card, ("Investors", "follows R&D <Lab>"))], subject="s")
    assert "Because: Investors · follows R&amp;D &lt;Lab&gt;" in for_investors.html
    assert "Because: Investors · follows R&D <Lab>" in for_investors.text
    silent = join(shell(), [Entry(card, ())], subject="s")
    assert "Because" not in silent.html + silent.text


def test_changes_differ_by_edition() -> None:
    """What is new in an update depends on when its readers were told; one card serves them all."""
    card = entry(Telling(RICH, Form.UPDATE)).card
    since_monday = join(shell(), [Entry(card, (), ("+9 outlets since Monday",))], subject="s")
    assert "+9 outlets since Monday" in since_monday.html
    assert "\nUpdate: +9 outlets since Monday\n" in since_monday.text
    assert "Update:" not in join(shell(), [Entry(card, ())], subject="s").text


def test_contents_only_for_several() -> None:
    """The list of contents stands in a mail of several stories, and not above a single one."""
    one, two = entry(Telling(RICH)), entry(Telling(RICH, headline="Another"))
    assert "In this issue" in join(shell(), [one, two], subject="s").html
    single = join(shell(), [one], subject="s")
    assert "in this issue" not in (single.html + single.text).lower()


def test_counts_each_outlet_once() -> None:
    """The head counts stories and the distinct outlets of all of them."""
    mail = join(shell(), [entry(Telling(RICH)), entry(Telling(RICH, headline="Another"))], subject="s")
    assert "2 stories · 4 outlets · 1 min read" in mail.text


def test_size_counts_the_longest_links() -> None:
    """A mail filled with the longest links weighs exactly what `size_of` said."""
    mail = digest(*EDITION)
    filled = mail.fill(dict.fromkeys(LINKS, "u" * LONGEST_LINK))
    assert size_of(mail) == len(filled.html.encode())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=12), st.integers(20_000, 120_000))
def test_shorten(sizes: list[int], limit: int) -> None:
    """The shortened mail fits or is one compact entry; order is kept, and the earliest stay whole longest."""

    def card(name: str, size: int) -> Card:
        return Card("x" * size, "", "", "", name, "", (), 1)

    pairs = [
        (Entry(card(f"{n} full", size), ()), Entry(card(f"{n} compact", size // 4), ()))
        for n, size in enumerate(sizes)
    ]
    chosen = shorten(shell(), pairs, subject="s", limit=limit)
    names = [e.card.headline for e in chosen]
    full = sum(name.endswith("full") for name in names)
    assert names == [f"{n} full" for n in range(full)] + [f"{n} compact" for n in range(full, len(names))]
    fits = size_of(join(shell(), chosen, subject="s")) <= limit
    assert fits or (full == 0 and len(names) == 1)
    if len(names) < len(sizes):
        assert full == 0


def test_shorten_keeps_what_fits() -> None:
    """A mail that fits as wanted is left as it is."""
    wanted = entry(Telling(RICH))
    small = entry(Telling(RICH, Form.COMPACT))
    assert shorten(shell(), [(wanted, small)] * 5, subject="s") == [wanted] * 5


@pytest.mark.parametrize("stories_in_it", [1, 8])
def test_digest_of_rich_stories_is_not_clipped(stories_in_it: int) -> None:
    """Eight rich stories stay below what Gmail shows without cutting."""
    assert size_of(digest(*[Telling(RICH, because=("Engineers",))] * stories_in_it)) < 92 * 1024
