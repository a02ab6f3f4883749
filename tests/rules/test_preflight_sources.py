"""What preflight finds in what a story builds on: citations, counts, owners, links."""

import pytest

from newsletter.content import Analysis, Article, Maker, Tldr
from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.followed import Followed, Trouble
from newsletter.preflight.owners import domain_of, owner_of
from newsletter.preflight.sources import citations, counts, links, links_in, owners
from newsletter.rendering.telling import Telling, tell
from tests.builders import a_story


def cited(markdown: str, *, outlets: int = 3) -> list[Finding]:
    telling = Telling(a_story(outlets=outlets, analysis=Analysis("Analysis", markdown)))
    return list(citations(telling, tell(telling)))


@pytest.mark.parametrize("text", ["So it is [4].", "So [1, 5].", "So [2–4].", "So [0].", "So.[1][7]"])
def test_citations_of_sources_that_are_not_listed(text: str) -> None:
    """A number that no listed source has bars the issue."""
    assert Severity.BLOCKING in {finding.severity for finding in cited(text)}


@pytest.mark.parametrize(
    "text",
    [
        "So it is [3], and so [1, 2] and [1-3].",
        "So.([outlet2.example](https://outlet2.example/report))",
        "So [9](https://outlet2.example/report).",
        "So [9].\n\n[9]: https://outlet2.example/report",
        "The array `a[9]` and a[9] and [2026] and [9]th.",
        "Elsewhere.([elsewhere.example](https://elsewhere.example/x)) So [4].",
    ],
)
def test_citations_that_resolve(text: str) -> None:
    """Listed numbers, links, and what is no citation pass; pages that the text itself cites are listed."""
    assert cited(text) == []


def test_links_that_lead_nowhere() -> None:
    """A link of the text that no mail may hold loses its target: its words are named."""
    (finding,) = cited("So.([outlet1.example](javascript:alert))")
    assert "outlet1.example" in finding.words
    assert finding.severity is Severity.WARNING


def test_a_long_coverage_lists_less_than_it_counts() -> None:
    """A number is held against what the card lists, which is not all of a long coverage."""
    assert cited("So [12].", outlets=20) == []
    assert cited("So [13].", outlets=20) != []


@pytest.mark.parametrize(
    ("told", "about", "places"),
    [
        (3, None, []),
        (None, "It aggregates 3 news sources from 3 outlets.", []),
        (7, None, ["TL;DR"]),
        (3, "It aggregates 7 news sources.", ["about this summary"]),
        (7, "It aggregates 7 news sources.", ["TL;DR"]),
        (None, "In 2026, 40 percent of 12 engineers.", []),
    ],
)
def test_counts_equal_the_lists(told: int | None, about: str | None, places: list[str]) -> None:
    """What a story says of its sources is held against its coverage; one difference is told once."""
    telling = Telling(a_story(outlets=3, tldr=Tldr("It is so.", Maker.AI, told), about=about))
    found = list(counts(telling, tell(telling)))
    assert [finding.where for finding in found] == places
    assert {finding.severity for finding in found} <= {Severity.WARNING}


def covered(*reports: tuple[str, str]) -> list[Finding]:
    coverage = tuple(Article(outlet, url) for outlet, url in reports)
    return list(owners(Telling(a_story(coverage=coverage))))


def test_outlets_of_one_owner() -> None:
    """One domain under two names, and two outlets of one group, are not independent reports."""
    times = ("Times", "https://times.paper.example/a"), ("Sunday Times", "https://www.paper.example/b")
    group = ("WIRED", "https://www.wired.com/a"), ("Ars Technica", "https://arstechnica.com/b")
    assert "2 outlets are counted, with one owner" in covered(*times)[0].words
    (finding,) = covered(*group, ("Another", "https://another.example/"))
    assert finding.words == "3 outlets are counted, with 2 owners: WIRED, Ars Technica (Condé Nast)"


def test_outlets_of_their_own() -> None:
    """One outlet twice, pages of many on one host, and names of one country are not taken for one owner."""
    assert covered(("One", "https://one.example/a"), ("one", "https://one.example/b")) == []
    assert covered(("Ann", "https://medium.com/ann"), ("Bob", "https://medium.com/bob")) == []
    assert covered(("Ann", "https://ann.substack.com/"), ("Bob", "https://bob.substack.com/")) == []
    assert covered(("The Star", "https://thestar.com.my/a"), ("The Edge", "https://theedge.com.my/b")) == []
    assert owner_of("https://arxiv.org/abs/1") is None
    assert domain_of("www.thestar.com.my") == "thestar.com.my"


def test_links_of_a_card() -> None:
    """The links that leave the mail are read out of it, each once and unescaped; a reader's own are not."""
    html = '<a href="https://a.example/?x=1&amp;y=2">a</a> <a href="https://a.example/?x=1&amp;y=2">'
    assert links_in(html + '<a href="@@act_url@@/story/1"> <a href="https://u.example/l/@@reader@@">') == (
        "https://a.example/?x=1&y=2",
    )
    assert links_in('<a href="https://medium.com/@ann/x">') == ("https://medium.com/@ann/x",)


def said(url: str, **answer: object) -> list[str]:
    followed = {url: Followed(url, **answer)} if answer else {}  # type: ignore[arg-type]
    return [finding.words for finding in links(1, [url], followed)]


def test_links_that_are_unsafe_or_hide_where_they_lead() -> None:
    """Plain http and shortened links are warned of without asking anybody."""
    assert said("http://a.example/x") == [
        "http only, so anybody on the way can change what readers see: a.example"
    ]
    assert said("https://bit.ly/x") == ["shortened, so readers cannot see where they lead: bit.ly"]
    assert said("https://a.example/x") == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404}, "is not there (404)"),
        ({"status": 410}, "is gone (410)"),
        ({"trouble": Trouble.NO_NAME}, "cannot be reached: its name leads nowhere"),
        ({"trouble": Trouble.PRIVATE}, "cannot be reached: it leads to no public address"),
        ({"status": 200, "led_to": "https://a.example/"}, "leads to a front page only"),
        ({"status": 200, "led_to": "https://b.example/y"}, "moved elsewhere: a.example"),
    ],
)
def test_links_that_are_dead_or_moved(answer: dict[str, object], words: str) -> None:
    """What was followed and not found there is told with the reason."""
    (told,) = said("https://a.example/x", **answer)
    assert words in told


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 200},
        *({"status": status} for status in (401, 402, 403, 405, 429, 451, 500, 503)),
        {"trouble": Trouble.SLOW},
        {"trouble": Trouble.NO_NETWORK},
        {"status": 200, "led_to": "https://www.a.example/x/"},
    ],
)
def test_links_of_which_nothing_can_be_told(answer: dict[str, object]) -> None:
    """A site that shuts out programs, or is slow just now, is not called dead; https and www move nothing."""
    assert said("https://a.example/x", **answer) == []
    assert Followed("https://a.example/x", 403).is_known is False
