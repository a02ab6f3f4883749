"""What a program saw of an issue before it changes it: the ETag it was given, sent back as If-Match.

Nothing is written over unseen (RFC 9110 §13.1.1): whatever was done to the issue since, by whomever, is
told instead. What comes a second time, since the answer was lost, finds its own change there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Response
from sqlalchemy.orm import Session

from newsletter import release
from newsletter.desk.changes import Hand, Overtaken, since
from newsletter.editors.audit import audit, names
from newsletter.models import Issue, IssueChange
from newsletter.web.api_v1 import problems
from newsletter.web.api_v1.callers import Caller
from newsletter.web.api_v1.documents import Change, Changed, IssueDocument
from newsletter.web.api_v1.problems import Refused
from newsletter.web.desk.issue_head import IssueNumber, find_issue
from newsletter.web.pages import AtDoor, Door

_ASK = "Read the issue, and send back its ETag as If-Match, so that nothing is changed unseen."

IfMatch = Annotated[
    str | None,
    Header(
        description="The ETag of the issue as it was read: its version and its state. Required.",
        examples=['"3.5f0c9a1be2d4c6a8"'],
    ),
]


class Seen:
    """The version and the `release.mark` of the issue that a program looked at."""

    def __init__(self, if_match: IfMatch = None) -> None:
        found = re.fullmatch(r'"(\d{1,9})\.([0-9a-f]{16})"', (if_match or "").strip(), re.ASCII)
        if if_match is None or if_match.strip() == "*":
            raise Refused(problems.CONDITION, _ASK)
        #: an ETag that is none of ours fits nothing
        self.version, self.mark = (int(found[1]), found[2]) if found else (0, "")


@dataclass(frozen=True)
class Here:
    """The issue that a request is about, as its sender saw it."""

    door: Door
    response: Response
    issue_id: int
    seen: Seen


def _here(door: AtDoor, response: Response, issue_id: IssueNumber, seen: Annotated[Seen, Depends()]) -> Here:
    return Here(door, response, issue_id, seen)


AtIssue = Annotated[Here, Depends(_here)]


def etag(issue: Issue) -> str:
    """Changes with the issue's version, its state and its approval. What comes in from sources does not."""
    return f'"{issue.version}.{release.mark(issue)}"'


def changed_since(session: Session, issue: Issue, version: int) -> Refused:
    """The refusal of a change by somebody who saw the issue at `version`."""
    changes = Change.all_of(since(session, issue, version)[:20], names(session))
    who = "; ".join(f"{each.who} {each.words}" for each in changes) or f"it is {issue.state} by now"
    return Refused(problems.CHANGED, f"Issue {issue.id} was changed since: {who}. {_ASK}", changes=changes)


def change_issue(
    caller: Caller, here: Here, act: Callable[[Session, Issue, Hand], IssueChange | None]
) -> Changed:
    """Do it to the issue as it was seen, in one transaction; refused, it changes nothing."""
    now, seen = here.door.clock(), here.seen
    with caller.writing(here.door) as session:
        issue = find_issue(session, here.issue_id, lock=True)
        if release.mark(issue) != seen.mark:
            raise changed_since(session, issue, seen.version)
        was = issue.state
        try:
            change = act(session, issue, Hand(now, caller.editor_id, seen.version))
        except Overtaken as refusal:  # of a change to be taken back, others changed the same since
            raise changed_since(session, issue, min(refusal.versions) - 1) from None
        if change:
            audit(
                session,
                "issue changed",
                f"issue {issue.id}",
                editor_id=caller.editor_id,
                now=now,
                detail={"version": change.version, "words": change.words},
                ip=caller.ip,
            )
        known = names(session)
        here.response.headers["etag"] = etag(issue)
        return Changed(
            change=Change.of(change, known) if change else None,
            voided=issue.state != was,
            issue=IssueDocument.of(issue, known),
        )
