"""Replay: what left can be joined again from what was frozen, and nobody can change that unseen."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.config import ROOT
from newsletter.models import Edition, EditionStory, Issue, Piece
from newsletter.rendering.renderer import Renderer
from newsletter.replay import Replay, replay, replay_issue
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from tests.builders import a_story, coverage
from tests.issues import PUBLISH, SEEN, daily, subscribe, tell


def a_past_issue(services: Services) -> int:
    """Two editions that left."""
    tell(services, a_story("One", audiences=()), a_story("For investors", outlets=4))
    subscribe(services, "a@reader.example")
    subscribe(services, "e@reader.example", audiences=["Engineers"])
    tick(services, PUBLISH + timedelta(hours=3))
    return daily(services).id


def replayed(services: Services, issue_id: int) -> list[Replay]:
    with reading(services.engine) as session:
        return list(replay_issue(session, issue_id))


def with_other_templates(services: Services, folder: Path) -> Services:
    """The same after a redesign."""
    shutil.copytree(ROOT / "templates/email", folder)
    for part in folder.rglob("*.mjml"):
        part.write_text(part.read_text().replace("In this issue", "Contents").replace("16px", "17px"))
    renderer = Renderer(
        folder,
        site_name="New",
        site_url="https://new.example",
        postal_address=services.settings.postal_address or "",
    )
    return replace(services, renderer=renderer)


def test_what_left_is_joined_again(services: Services, tmp_path: Path) -> None:
    """After templates, settings and stories changed, every edition is still what its readers got."""
    issue_id = a_past_issue(services)
    before = replayed(services, issue_id)
    services = with_other_templates(services, tmp_path / "templates")
    tell(
        services,
        a_story("One", audiences=(), tldr=None),
        a_story("For investors", coverage=coverage(12)),
        at=SEEN + timedelta(days=1),
    )
    subscribe(services, "new@reader.example")
    tick(services, PUBLISH + timedelta(days=1, hours=3))
    after = replayed(services, issue_id)
    assert [one.content for one in after] == [one.content for one in before]
    assert [one.is_equal for one in after] == [True, True]
    assert {"Contents" in one.content.html for one in replayed(services, 2) if one.content} >= {True}


def test_the_hash_is_over_all_that_is_read(services: Services) -> None:
    """SHA-256 over subject, html and text with NUL between them, so that anybody can check it."""
    [first, _] = replayed(services, a_past_issue(services))
    assert first.content is not None
    parts = first.content.subject, first.content.html, first.content.text
    assert first.edition.content_hash == hashlib.sha256("\0".join(parts).encode()).hexdigest()
    assert first.verdict == f"equal to what left: SHA-256 {first.found}"
    assert first.preheader == "In short: For investors."


def change_shell(session: Session) -> None:
    shell = session.scalars(select(Piece).where(Piece.name == "shell")).one()
    shell.document = {**shell.document, "text": shell.document["text"].replace("subscribed", "Subscribed")}


def break_shell(session: Session) -> None:
    shell = session.scalars(select(Piece).where(Piece.name == "shell")).one()
    shell.document = {"html": 1}


def change_slot(session: Session) -> None:
    shell = session.scalars(select(Piece).where(Piece.name == "shell")).one()
    shell.document = {**shell.document, "html": shell.document["html"].replace("preheader", "prey")}


TAMPERING: dict[str, Callable[[Session], Any]] = {
    "a piece": change_shell,
    "a broken piece": break_shell,
    "a slot": change_slot,
    "no pieces": lambda session: session.execute(delete(Piece)),
    "a card": lambda session: session.execute(delete(Piece).where(Piece.name.like("1@%"))),
    "a reason": lambda session: session.execute(update(EditionStory).values(because=["for no reason"])),
    "an order": lambda session: session.execute(update(EditionStory).values(position=-EditionStory.position)),
    "a subject": lambda session: session.execute(update(Edition).values(subject="Another")),
    "a hash": lambda session: session.execute(update(Edition).values(content_hash="0" * 64)),
}


def test_tampering_is_found(services: Services) -> None:
    """Whatever is changed of what was frozen, an edition that is concerned is no longer equal."""
    issue_id = a_past_issue(services)
    for what, tamper in TAMPERING.items():
        with Session(services.engine) as session:
            tamper(session)
            session.flush()
            session.expire_all()
            judged = [(one.differs, one.is_equal, one.verdict) for one in replay_issue(session, issue_id)]
            session.rollback()
        told = [verdict for differs, _, verdict in judged if differs]
        assert told, what
        assert all(differs is not equal for differs, equal, _ in judged), what
        assert all(verdict.startswith(("NOT what left", "cannot be joined")) for verdict in told), what
    assert not any(one.differs for one in replayed(services, issue_id))


def test_what_older_releases_froze_is_told_apart(services: Services) -> None:
    """An edition without a hash is joined, and said to be without proof; it is no difference."""
    issue_id = a_past_issue(services)
    with writing(services.engine) as session:
        session.execute(update(Edition).values(content_hash=None))
        one = replay(session, session.scalars(select(Edition)).all()[0])
    assert one.content is not None
    assert (one.is_equal, one.differs) == (False, False)
    assert one.verdict == "cannot be proved: it was frozen before hashes were kept"
    assert len(replayed(services, issue_id)) == 2


def test_skipped_readers_have_no_replay(services: Services) -> None:
    """Who got no mail has nothing to be joined."""
    tell(services, a_story(audiences=("Engineers",)))
    subscribe(services, "a@reader.example", audiences=["Investors"])
    tick(services, PUBLISH + timedelta(hours=3))
    with reading(services.engine) as session:
        assert session.scalars(select(Issue)).first() is not None
    assert replayed(services, daily(services).id) == []
