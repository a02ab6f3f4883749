"""Counting from the approval to the mail: the links that are made once, and who is named in them."""

import json
import re

import pytest
from sqlalchemy import func, select

from newsletter.desk import approval
from newsletter.links import READER_SLOT
from newsletter.models import Issue, Link, Piece
from newsletter.models.issue import IssueState
from newsletter.preview import preview
from newsletter.publication import publish
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from tests.builders import a_story
from tests.counted import (
    ANN,
    BOB,
    TARGET,
    counting,
    send,
)
from tests.issues import PUBLISH, SEEN, draft, tell


def approve(services: Services, issue_id: int) -> str:
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        return approval.approve(session, issue, services.renderer, by="Ed", now=SEEN)


def frozen(services: Services) -> dict[str, object]:
    with reading(services.engine) as session:
        rows = session.execute(select(Piece.name, Piece.document))
        return dict(rows.all())


def mails(services: Services) -> dict[str, str]:
    """Address → the whole mail in the folder, its lines joined."""
    found = {}
    for path in services.settings.mail_folder.glob("*.eml"):
        mail = path.read_text().replace("=\n", "")
        to = re.search(r"^To: (.+)$", mail, re.MULTILINE)
        assert to is not None
        found[to[1]] = mail
    return found


def test_off_changes_no_byte(services: Services) -> None:
    """Where a newsletter counts nothing, what is frozen is what was compiled, and no row is written."""
    tell(services, a_story())
    issue_id = draft(services)
    with reading(services.engine) as session:
        compiled = approval.pieces(session, session.get_one(Issue, issue_id), services.renderer)
    approve(services, issue_id)
    documents = {name: part.to_json() for name, part in compiled.items()}
    assert frozen(services) == json.loads(json.dumps(documents))
    with reading(services.engine) as session:
        assert session.scalars(select(func.count()).select_from(Link)).one() == 0


def test_off_names_nobody(services: Services) -> None:
    """Where a newsletter counts nothing, even who once agreed gets plain links and no picture."""
    send(services)
    found = mails(services)
    assert set(found) == {ANN, BOB}
    for mail in found.values():
        assert TARGET in mail
        assert not re.search(r"/[lo]/|<img|@@", mail)


def test_approving_again_gives_the_same_links(services: Services) -> None:
    """The same content approved anew has the same rows, the same bytes and the same hash."""
    services = counting(services, "links")
    tell(services, a_story())
    issue_id = draft(services)
    first, pieces = approve(services, issue_id), frozen(services)
    with writing(services.engine) as session:
        approval.hold(session.get_one(Issue, issue_id), by="Ed")
    assert (approve(services, issue_id), frozen(services)) == (first, pieces)
    with reading(services.engine) as session:
        urls = session.scalars(select(Link.url)).all()
    assert len(urls) == len(set(urls)) > 1
    assert TARGET in urls


def test_what_is_shown_after_the_approval_is_what_leaves(services: Services) -> None:
    """The preview of an approved issue has the counted links of the mails."""
    services = counting(services, "links")
    send(services)
    with reading(services.engine) as session:
        issue = session.scalars(select(Issue).where(Issue.state == IssueState.FINISHED)).one()
        shown = preview(session, issue, services.renderer).content.html
    mail = mails(services)[BOB].replace("=3D", "=")
    tokens = re.findall(r"/l/[\w.-]+", shown)
    assert tokens == re.findall(r"/l/[\w.-]+", mail)
    assert f"@@{READER_SLOT}@@" not in mail


def test_counting_otherwise_voids_the_approval(services: Services) -> None:
    """Who approved an issue approved whether it counts: a change of that needs a new approval."""
    tell(services, a_story())
    issue_id = draft(services)
    approve(services, issue_id)
    services = counting(services, "readers")
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        assert not publish(session, issue, services.renderer, now=PUBLISH)
        assert issue.state == IssueState.HELD


@pytest.mark.parametrize(("tracking", "marked"), [("links", set[str]()), ("readers", {ANN})])
def test_only_who_agreed_is_named(services: Services, tracking: str, marked: set[str]) -> None:
    """Links say whose mail it is only in the mode that counts readers, and only of who agreed to it."""
    services = counting(services, tracking)
    send(services)
    found = mails(services)
    assert set(found) == {ANN, BOB}
    assert {to for to, mail in found.items() if re.search(r"/l/[\w.-]+/[\w.-]+", mail)} == marked
    assert all(re.search(r"/o/[\w.-]+", mail) for mail in found.values())
