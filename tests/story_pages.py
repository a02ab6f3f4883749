"""Pages of the site's shape, with the parts that a test wants, and what reading them gives."""

from pathlib import Path

from newsletter.content import StoryContent
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming, Refusal

FIXTURE = Path(__file__).parent / "fixtures" / "story-page.html"

PAGE = """\
{head}
Thursday, February 12, 2026

A chip maker opens its compiler

Source: {primary}
Read original

TL;DR

AI-Summarizedfrom {count} source{s}

The maker published its compiler on February 12, 2026.

About this summary

This article aggregates reporting.

{count} source{s} covering this story{companies_count}

{analysis}{care}{companies}Coverage Sources

{coverage}
"""


def page(
    *,
    outlets: tuple[str, ...] = ("BBC",),
    badges: tuple[str, ...] = ("",),
    category: str = "Infrastructure",
    analysis: str = "",
    care: str = "",
    companies: str = "",
    companies_count: str = "",
) -> str:
    """A page of the site's shape, with the parts that a story may have."""
    count = len(outlets)
    entries = [f"{name}\n{name}{badge}\nRead" for name, badge in zip(outlets, badges, strict=True)]
    return PAGE.format(
        head="\n".join([category, *outlets, f"{count} outlet{'s' * (count > 1)}"]),
        primary=outlets[0],
        count=count,
        s="s" * (count > 1),
        companies_count=companies_count,
        analysis=analysis and f"Race to AGI Analysis\n\n{analysis}\n\n",
        care=care and f"Who Should Care\n\n{care}\n\n",
        companies=companies and f"Companies Mentioned\n\n{companies}\n\n",
        coverage="\n".join([*outlets, *entries]),
    )


def read(text: str | bytes, name: str = "page") -> Incoming | Refusal:
    data = text.encode() if isinstance(text, str) else text
    [one] = read_file(name, data.splitlines(keepends=True))
    return one


def story(text: str | bytes) -> StoryContent:
    """The content of a page that must be accepted."""
    incoming = read(text)
    assert isinstance(incoming, Incoming), incoming
    return incoming.content


def refusal(text: str | bytes) -> str:
    """The reason why a page is refused; there is a remedy, too."""
    refused = read(text, "half.txt")
    assert isinstance(refused, Refusal), refused
    assert (refused.file, refused.line, refused.where) == ("half.txt", None, "half.txt")
    assert refused.remedy
    return refused.reason


COMPANIES = """\
Mistral AI
Mistral AI
AI Lab|France
Valuation: $6.0B (Jan 2026)
OpenAI
OpenAI
AI Lab|United States
X
X
Platform
Sample Chips
Sample Chips
|Japan
Valuation: $1.5B as of March 3, 2025
Bare"""
