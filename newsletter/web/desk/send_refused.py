"""What an editor sees whose act on an issue was not done: why, and what changed since they looked."""

from datetime import datetime

from fastapi.responses import Response

from newsletter import release
from newsletter.desk.changes import since
from newsletter.models.issue import UNAPPROVED
from newsletter.store.engine import reading
from newsletter.web.desk.issue_head import find_issue, head_of
from newsletter.web.desk.issue_view import shown_changes
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Visit
from newsletter.web.pages import Door

#: lines on the page
LISTED = 20


def refused(door: Door, visit: Visit, issue_id: int, error: Exception) -> Response:
    """It cannot be done, and why."""
    with reading(door.services.engine) as session:
        head = head_of(session, find_issue(session, issue_id), door.clock())
        return answer(door, "send_refused.html", visit, status=409, head=head, why=str(error))


def not_as_shown(door: Door, visit: Visit, issue_id: int, error: Exception) -> Response:
    """It was not done, since the page before was older than the issue; and what came between."""
    now = door.clock()
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        version, shown_at = _version(visit), _shown_at(visit, now)
        changes = since(session, issue, version)[:LISTED]
        return answer(
            door,
            "send_changed.html",
            visit,
            status=409,
            head=head_of(session, issue, now),
            why=str(error),
            changes=shown_changes(session, issue, changes, editor_id=visit.editor_id, now=now),
            came_in=release.came_in(session, issue, since=shown_at)[:LISTED]
            if issue.state in UNAPPROVED
            else [],
        )


def _version(visit: Visit) -> int:
    """That of the page before; without one, nothing counts as unseen."""
    sent = str(visit.form.get("version", ""))
    return int(sent) if sent.isascii() and sent.isdecimal() and len(sent) < 10 else 10**9


def _shown_at(visit: Visit, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(visit.form.get("shown_at", ""))).astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        return now
