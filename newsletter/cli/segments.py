"""Commands about segments: add, list, show, count, delete."""

from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, moment, say, show_json, show_table
from newsletter.store.engine import reading, writing
from subscribers.models import Segment
from subscribers.segments import saved
from subscribers.segments.explaining import explain
from subscribers.segments.parsing import BadRule, parse
from subscribers.segments.rule import Rule

app = typer.Typer(no_args_is_help=True, help="Segments: rules over subscribers, saved, explained, counted.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the segment; case makes no difference.")]
RuleText = Annotated[
    str, typer.Argument(metavar="RULE", help='Such as: audience = investors and not tag = "press list"')
]


@app.command()
def add(name: Name, rule: RuleText) -> None:
    """Save a rule under a name, and say in words whom it means.

    Conditions: audience, company, topic, newsletter (confirmed), zone, country, tag, batch (number of
    an import) and file (its name), each as FIELD = VALUE; joined before DATE, joined after DATE.
    They are put together with and, or, not and parentheses.
    """
    services = ready()
    with writing(services.engine) as session:
        segment = saved.save(session, name, rule, now=moment(None))
        meant = parse(segment.rule)
        number = saved.count(session, meant)
    say(f"{segment.name}: saved")
    say(_sentence(number, meant))


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the saved segments, each with its number of subscribers now and its rule in words."""
    services = ready()
    with reading(services.engine) as session:
        found = [_facts(session, segment) for segment in saved.list_segments(session)]
    if as_json:
        show_json(found)
        return
    rows = [(f["name"], f["subscribers"], f["trouble"] or f["words"]) for f in found]
    show_table(
        ("name", "subscribers", "in words"),
        rows,
        empty="no segments yet: `newsletter segments add NAME RULE`",
    )


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a segment: its rule, what it means, and how many subscribers are in it now."""
    services = ready()
    with reading(services.engine) as session:
        facts = _facts(session, saved.find(session, name))
    if as_json:
        show_json(facts)
        return
    for key, value in facts.items():
        if value is not None:
            say(f"{key}: {value}")


@app.command()
def count(rule: RuleText, as_json: Json = False) -> None:
    """Count the subscribers whom a rule means, without saving it."""
    services = ready()
    meant = parse(rule)
    with reading(services.engine) as session:
        number = saved.count(session, meant)
    if as_json:
        show_json({"subscribers": number, "words": explain(meant)})
    else:
        say(_sentence(number, meant))


@app.command()
def delete(name: Name) -> None:
    """Delete a segment. Its subscribers stay as they are."""
    services = ready()
    with writing(services.engine) as session:
        saved.delete(session, name)
    say(f"{name}: deleted")


def _sentence(number: int, rule: Rule) -> str:
    return f"subscribers {explain(rule)}: {number:,}"


def _facts(session: Session, segment: Segment) -> dict[str, Any]:
    """What is told of a segment; one whose rule cannot be read any more says so and harms no other."""
    facts: dict[str, Any] = {
        "name": segment.name,
        "subscribers": None,
        "rule": segment.rule,
        "words": None,
        "trouble": None,
        "since": segment.created_at.isoformat(timespec="seconds"),
    }
    try:
        rule = parse(segment.rule)
    except BadRule as unread:
        return {**facts, "trouble": f"the rule cannot be read: {unread.reason}"}
    return {**facts, "subscribers": saved.count(session, rule), "words": explain(rule)}
