"""The companies of a story page: each found whatever it looks like, and none lost in silence."""

from itertools import permutations

import pytest

from newsletter.content import Company
from tests.story_pages import COMPANIES, FIXTURE, page, refusal, story


def test_several_companies() -> None:
    """Each with what the page tells of it: facts and valuation may be missing."""
    assert story(page(companies=COMPANIES + "\nBare")).companies == (
        Company("Mistral AI", "AI Lab", "France", "$6.0B", "2026-01"),
        Company("OpenAI", "AI Lab", "United States"),
        Company("X", "Platform"),
        Company("Sample Chips", None, "Japan", "$1.5B", "2025-03-03"),
        Company("Bare"),
    )


MISTRAL = Company("Mistral AI", "AI Lab", "France", "$6.0B")
AMIAD = Company("AMIAD", "Government", "France")
THALES = Company("Thales", "Defence", "France")


def test_names_shown_once_are_companies_too(real_page: str) -> None:
    """A company begins at a doubled name or after another's last fact, and its count says the same."""
    more = "AMIAD\nGovernment|France\nThales\nThales\nDefence|France\n"
    text = real_page.replace("1 company", "3 companies").replace("$6.0B\n", f"$6.0B\n{more}")
    assert story(text).companies == (MISTRAL, AMIAD, THALES)


CARDS = {
    "with a logo": '<div><img alt="{0}"/><h3>{0}</h3><p><i>{1}</i><i>|</i><i>{2}</i></p></div>',
    "a heading": "<div><h3>{0}</h3><p>{1}|{2}</p></div>",
    "a heading below another logo": '<div><img alt="The sign"/><h3>{0}</h3><p>{1}|{2}</p></div>',
    "plain": "<div><p>{0}</p><p><span>{1}</span><span>|</span><span>{2}</span></p></div>",
    "linked": '<div><a href="https://{1}.example/">{0}</a><p>{1}|{2}</p></div>',
    "linked whole": '<a href="https://{1}.example/"><p>{0}</p><p>{1}|{2}</p></a>',
    "facts without a bar": '<div><img alt="{0}"/><p>{0}</p><p>{1}</p><p>{2}</p></div>',
}


@pytest.mark.parametrize(("one", "other"), [*permutations(CARDS, 2)])
def test_each_company_has_its_own_look(one: str, other: str) -> None:
    """Whether one company has a logo, a heading or a link decides nothing for the others."""
    cards = CARDS[one].format("AMIAD", "Government", "France")
    cards += CARDS[other].format("Thales", "Defence", "France")
    cards += CARDS[one].format("Sample Chips", "Chips", "Japan")
    html = FIXTURE.read_text(encoding="utf-8").replace("1<!-- --> company", "4<!-- --> companies")
    content = story(html.replace("$6.0B</p>\n        </a>", f"$6.0B</p></a>{cards}"))
    assert content.companies == (MISTRAL, AMIAD, THALES, Company("Sample Chips", "Chips", "Japan"))


def test_lost_companies_are_named(real_page: str) -> None:
    """A page that counts more companies than can be found is refused, with what was found."""
    assert refusal(real_page.replace("1 company", "3 companies")) == (
        "the page says 3 companies, 1 was found: Mistral AI"
    )
    shown = real_page.index("Companies Mentioned"), real_page.index("Coverage Sources")
    none = real_page[: shown[0]] + real_page[shown[1] :]
    assert refusal(none) == "the page says 1 company, none was found"
    html = FIXTURE.read_text(encoding="utf-8")
    assert "says 3 companies" in refusal(html.replace("1<!-- --> company", "3<!-- --> companies"))
    apart = html.replace('<span class="mx-2">|</span>', "").replace("1<!-- --> company", "3 companies")
    assert "says 3 companies" in refusal(apart)
