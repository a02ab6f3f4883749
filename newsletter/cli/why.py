"""The command `why`: the reasons of a selection, for people and for scripts."""

from typing import Annotated

import typer

from newsletter.cli.services import ready
from newsletter.cli.stories import find_story
from newsletter.cli.subscribers import find_subscriber
from newsletter.cli.terminal import Json, out, say, show_json
from newsletter.store.engine import reading
from newsletter.why import Explanation
from newsletter.why import why as explain


def why(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    story: Annotated[str, typer.Argument(metavar="STORY", help="Its number, or its external id.")],
    as_json: Json = False,
) -> None:
    """Say why a story reached a subscriber or not: every rule, passed or failed."""
    services = ready()
    with reading(services.engine) as session:
        found = find_story(session, story)
        explanations = explain(session, find_subscriber(session, email), found)
        title = found.title
    if as_json:
        show_json([explanation.to_json() for explanation in explanations])
        return
    say(title)
    for explanation in explanations:
        _say_why(explanation)
    if not explanations:
        say("no issue of this subscriber's newsletters had this story among its candidates yet")


def _say_why(explanation: Explanation) -> None:
    decision = explanation.decision
    verdict = f"place {decision.place}" if decision.place else "left out"
    say(
        f"\n{explanation.newsletter} {explanation.date} ({explanation.issue_state}): "
        f"{verdict}, score {decision.score}"
    )
    for reason in decision.reasons:
        mark = "[green]✓[/green]" if reason.passed else "[red]✗[/red]"
        out.print(f"  {mark} {reason.rule:9} ", end="")
        out.print(reason.text, markup=False)
    say(f"  mail: {explanation.mail}")
