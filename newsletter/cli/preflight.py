"""The command that looks an issue over before it leaves."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from newsletter.cli.issues import IssueId, find_issue
from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, fail, moment, say, show_json
from newsletter.models import Inspection
from newsletter.preflight.findings import Finding, Severity, blocking
from newsletter.preflight.inspection import begin, inspect
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services

Links = Annotated[
    bool, typer.Option("--links", help="Follow the links of the issue first: asks the network.")
]


def preflight(issue: IssueId, as_json: Json = False, links: Links = False) -> None:
    """Look over what the issue would say now; exit code 1 if something bars it from leaving."""
    services = ready()
    if links:
        _check_links(services, issue, quiet=as_json)
    with reading(services.engine) as session:
        findings = services.look_over(session, find_issue(session, issue), moment(None))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(_line(finding))
        if not findings:
            say("all clear")
    if bars := blocking(findings):
        fail(f"{len(bars)} of {len(findings)} findings bar the issue")


def _line(finding: Finding) -> str:
    mark = "BARS IT" if finding.severity is Severity.BLOCKING else "warning"
    story = f"story {finding.story_id}, " if finding.story_id else ""
    return f"{mark}: {story}{finding.where}: {finding.words} ({finding.remedy})"


def _check_links(services: Services, issue_id: int, *, quiet: bool) -> None:
    now = moment(None)
    with reading(services.engine) as session:
        asked = services.errand(session, find_issue(session, issue_id), now)
    with writing(services.engine) as session:
        left = begin(session, find_issue(session, issue_id, lock=True), asked, now=now)
    if left is None:
        fail(f"the links of issue {issue_id} are being followed already: try again in a minute")
    inspect(services.engine, issue_id, left, lambda: datetime.now(UTC))
    with reading(services.engine) as session:
        inspection = session.get_one(Inspection, issue_id)
    if not quiet:
        say(f"links: {inspection.trouble or f'{inspection.done} followed'}")
