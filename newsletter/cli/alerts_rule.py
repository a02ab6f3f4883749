"""An alert rule as one types it: its options, and the rule that they say."""

import re
from collections.abc import Collection, Iterable
from typing import Annotated

import typer

from newsletter.cli.subscribers import known_audience
from newsletter.content import Impact
from newsletter.wiring import Services
from subscribers.alert_rule import MOST_LANGUAGES, MOST_OUTLETS, AlertRule, saying_nothing

Companies = Annotated[
    list[str] | None, typer.Option("--company", metavar="COMPANY", help="About it. May be given again.")
]
Audiences = Annotated[
    list[str] | None, typer.Option("--audience", metavar="AUDIENCE", help="Meant for it. May be given again.")
]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="TOPIC", help="In category or title. May be given again."),
]
Words = Annotated[
    list[str] | None, typer.Option("--word", metavar="WORD", help="In title or TL;DR. May be given again.")
]
Impacts = Annotated[
    list[Impact] | None,
    typer.Option("--impact", metavar="LABEL", help="advance, delay, neutral, unclear. May be given again."),
]
Outlets = Annotated[
    int, typer.Option(metavar="N", min=1, max=MOST_OUTLETS, help="Reported by so many outlets at least.")
]
Languages = Annotated[
    int, typer.Option(metavar="N", min=1, max=MOST_LANGUAGES, help="Reported in so many languages at least.")
]
Fast = Annotated[
    str | None, typer.Option(metavar="M/H", help="M outlets within H hours of each other, such as 5/3.")
]
Leads = Annotated[bool, typer.Option("--leads", help="Only what would lead their digest.")]


def read_rule(
    services: Services,
    company: Collection[str] | None,
    audience: Iterable[str] | None,
    topic: Collection[str] | None,
    word: Collection[str] | None,
    impact: Iterable[Impact] | None,
    outlets: int,
    languages: int,
    fast: str | None,
    leads: bool,
) -> AlertRule:
    """The rule that the options say. Wrong usage without any: that would be about every story."""
    if unfit := saying_nothing([*(company or ()), *(topic or ()), *(word or ())]):
        raise typer.BadParameter(f"“{unfit[0]}” has neither a letter nor a digit: write a name or a word")
    fast_outlets, fast_hours = _fast(fast)
    rule = AlertRule.of(
        {
            "companies": company or (),
            "audiences": [known_audience(services, each) for each in audience or ()],
            "topics": topic or (),
            "words": word or (),
            "impacts": impact or (),
        },
        min_outlets=outlets,
        min_languages=languages,
        fast_outlets=fast_outlets,
        fast_hours=fast_hours,
        leads=leads,
    )
    if rule == AlertRule():
        raise typer.BadParameter("say what a story must be or have: --company, --audience, --outlets …")
    return rule


def _fast(text: str | None) -> tuple[int, int]:
    if text is None:
        return 0, 0
    found = re.fullmatch(r"(\d{1,2})/(\d{1,2})", text, re.ASCII)
    if not found or int(found[1]) < 2 or not 1 <= int(found[2]) <= 72:
        raise typer.BadParameter(
            f"--fast {text}: write outlets and hours, as in 5/3; 2 to {MOST_OUTLETS} outlets, up to 72 hours"
        )
    return int(found[1]), int(found[2])
