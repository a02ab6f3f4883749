"""The command that tells the numbers of an issue, and what they do not mean."""

from newsletter.cli.issues import IssueId, find_issue
from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, say, show_json, show_table
from newsletter.models.tracking import Visitor
from newsletter.store.engine import reading
from newsletter.tracking.numbers import ByVisitor, Numbers
from newsletter.tracking.numbers import numbers as make_numbers

SEVERAL = {Visitor.READER: "readers", Visitor.PROXY: "proxies", Visitor.MACHINE: "machines"}
NOT_COUNTED = "Opens and clicks are not counted: `tracking` in publication.toml is off."
MEANING = (
    "An open means that a picture was loaded: proxies load it for people who may never look, and who "
    "loads no pictures is not seen. Machines follow links to examine them, and some pass for readers. "
    "Links in the text part are not counted."
)


def numbers(issue: IssueId, as_json: Json = False) -> None:
    """Tell how an issue fared: accepted, delivered, left after it, opened and followed, by visitor."""
    services = ready()
    with reading(services.engine) as session:
        found = find_issue(session, issue)
        result = make_numbers(session, found)
        title = f"{found.newsletter.name}, {found.date}: {found.state}"
    if as_json:
        show_json(result.to_json())
        return
    say(title)
    _show(result)


def _show(found: Numbers) -> None:
    mailboxes = "".join(f", {number} {said}" for said, number in found.said.items())
    say(f"mails: {found.accepted} accepted{mailboxes}; {found.unsubscribed} readers left after it")
    if found.tracking == "off":
        say(NOT_COUNTED)
        return
    say(f"opens: {_told(found.opens)}")
    say(f"clicks: {_told(found.clicks)}")
    say(MEANING)
    rows = [(*(link.clicks[kind] for kind in SEVERAL), link.url) for link in found.links]
    show_table((*SEVERAL.values(), "link"), rows, empty="no link was followed yet")


def _told(by_visitor: ByVisitor) -> str:
    return ", ".join(f"{by_visitor[kind]} by {several}" for kind, several in SEVERAL.items())
