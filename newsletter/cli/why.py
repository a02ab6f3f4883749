"""The command `why`: the reasons of a selection and of alerts, for people and for scripts."""

from collections.abc import Iterable
from typing import Annotated

import typer

from newsletter.alerts.explanation import AlertExplanation
from newsletter.cli.services import ready
from newsletter.cli.stories import find_story
from newsletter.cli.subscribers import find_subscriber
from newsletter.cli.terminal import Json, moment, out, say, show_json
from newsletter.judging import Reason
from newsletter.store.engine import reading
from newsletter.why import Explanation, ways


def why(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    story: Annotated[str, typer.Argument(metavar="STORY", help="Its number, or its external id.")],
    as_json: Json = False,
) -> None:
    """Say why a story reached a subscriber or not, by digests and by alerts: every rule, passed or failed."""
    services = ready()
    with reading(services.engine) as session:
        found = find_story(session, story)
        told = ways(session, find_subscriber(session, email), found, services.site, now=moment(None))
        title = found.title
    if as_json:
        show_json(told.to_json())
        return
    say(title)
    for digest in told.digests:
        _say_digest(digest)
    for alert in told.alerts:
        _say_alert(alert)
    if not told.digests:
        say("\nno issue of this subscriber's newsletters had this story among its candidates yet")


def _say_digest(told: Explanation) -> None:
    decision = told.decision
    verdict = "left out" if decision.place is None else f"place {decision.place}"
    verdict += ", in one line" if decision.brief else ""
    say(f"\n{told.newsletter} {told.date} ({told.issue_state}): {verdict}, score {decision.score}")
    _say_reasons(decision.reasons)
    say(f"  mail: {told.mail}")


def _say_alert(told: AlertExplanation) -> None:
    say(f"\n{told.title}: {told.outcome}")
    for asked in told.rules:
        say(f"  rule {asked.rule_id}, {'met' if asked.met else 'not met'}: {asked.words}")
        _say_reasons(asked.reasons, "    ")
    _say_reasons(told.reasons)
    if told.mail:
        say(f"  mail: {told.mail}")


def _say_reasons(reasons: Iterable[Reason], margin: str = "  ") -> None:
    for reason in reasons:
        mark = "[green]✓[/green]" if reason.passed else "[red]✗[/red]"
        out.print(f"{margin}{mark} {reason.rule:9} ", end="")
        out.print(reason.text, markup=False)
