"""Mails of alerts, made up: what tests of their looks share."""

from dataclasses import replace

from newsletter.alerts.pieces import SHELL, AlertMail, AlertTelling, Pieces, compose
from newsletter.content import StoryContent
from newsletter.rendering.joining import CORRECTION, EDITORS, Fired
from newsletter.rendering.pieces import ALERTING, Form
from tests.digests import ARABIC, BARE, CHINESE, RENDERER, RICH

NAME = "Race to AGI Alerts"
DESCRIPTION = "A breaking story minutes after it breaks, and only if it matters to you."
#: what the slots of every alert are filled with
LINKS = {
    name: f"https://site.example/{name}" for name in ("unsubscribe_url", "preferences_url", "alerts_url")
}
NORTHLIGHT = Fired(
    12, "Northlight, once 3 outlets report it", ("about Northlight", "4 outlets (you asked for 3)")
)
POLICY = Fired(31, "For policymakers", ("for Policymakers",))

CHOSEN = Fired(EDITORS, "Chosen by the editors", ("for Investors and Policymakers",))
NEWS = ("now 12 outlets, before 4", "now also about Mistral AI")


def pieces_of(content: StoryContent, *, line: str | None = None) -> Pieces:
    shell = RENDERER.alert_shell(newsletter=NAME, description=DESCRIPTION)
    return {SHELL: shell, **{form: RENDERER.card(content, form, note=line) for form in ALERTING}}


def alert(*contents: StoryContent, whole: int = 3, line: str | None = None) -> AlertMail:
    """The mail of these stories, found by the two rules in turn."""
    pieces = {number: pieces_of(content, line=line) for number, content in enumerate(contents, start=1)}
    tellings = [
        AlertTelling(
            number,
            number,
            1,
            because=(f"Your alert: {fired.words}", "4 outlets"),
            fired=(fired,),
        )
        for number, fired in zip(pieces, [NORTHLIGHT, POLICY] * len(pieces), strict=False)
    ]
    return compose(tellings, pieces, whole=whole)


def of_editors() -> AlertMail:
    """The mail of a story that the editors chose, with news since, and of one that a rule found as well."""
    pieces = {1: pieces_of(RICH, line="The first of its kind."), 2: pieces_of(BARE)}
    meant = replace(CHOSEN, facts=("for Engineers, and for readers who follow the company “northlight”",))
    tellings = [
        AlertTelling(1, 1, 1, because=("Chosen by the editors",), changes=NEWS, fired=(CHOSEN, NORTHLIGHT)),
        AlertTelling(2, 2, 1, because=("Chosen by the editors",), fired=(meant,)),
    ]
    return compose(tellings, pieces, whole=3)


def correction() -> AlertMail:
    """The mail that tells what an alert told wrong."""
    note = "We wrote that training cost $9M. It was $19M."
    card = RENDERER.card(RICH, Form.CORRECTION, note=note)
    shell = RENDERER.alert_shell(newsletter=NAME, description=DESCRIPTION)
    told = "We told you on Thursday, January 8, 2026"
    fired = Fired(CORRECTION, "A correction of what we told you", (told,))
    telling = AlertTelling(1, 1, 1, Form.CORRECTION, ("From our editors",), (told,), (fired,))
    return compose([telling], {1: {SHELL: shell, Form.CORRECTION: card}}, whole=3)


#: one of each kind of story, the last of them in brief
SEVERAL = (RICH, ARABIC, CHINESE, BARE)
