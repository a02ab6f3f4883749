"""Keys of programs: only a digest is kept, they end at once, and all of it stands in the log."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from newsletter.editors import keys, people
from newsletter.editors.audit import audit, by_key
from newsletter.editors.keys import PREFIX, USED_EVERY, BadKey, NoSuchKey
from newsletter.models import ApiKey, AuditLine, Editor
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from subscribers.address import InvalidName, parse

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
ADA, BO = "ada@desk.example", "bo@desk.example"


def an_admin(session: Session, email: str = ADA) -> Editor:
    return people.add(session, parse(email), Role.ADMIN, now=NOW)


def log(session: Session) -> list[tuple[str, str, int | None, object]]:
    lines = session.scalars(select(AuditLine).order_by(AuditLine.id))
    return [(line.act, line.subject, line.editor_id, line.detail) for line in lines]


def test_only_a_digest_is_kept(engine: Engine) -> None:
    """Whoever reads the table cannot use a key; each has 256 random bits and shows what it is."""
    with writing(engine) as session:
        secrets = [keys.make(session, f"program {n}", Role.VIEWER, now=NOW)[1] for n in range(3)]
    assert len(set(secrets)) == 3
    with reading(engine) as session:
        for key, secret in zip(reversed(keys.all_keys(session)), secrets, strict=True):
            assert secret.startswith(PREFIX)
            assert len(secret) == len(PREFIX) + 43, "base64 of 32 bytes"
            assert key.digest == hashlib.sha256(secret.encode()).hexdigest()
            stored = [str(value) for value in vars(key).values()]
            assert not any(secret in value for value in stored)
            assert keys.find(session, secret) == key


def test_a_key_is_named(engine: Engine) -> None:
    """A key says which program it is for, in one line, and no two in use have one name."""
    with writing(engine) as session:
        key, _ = keys.make(session, "  importer ", Role.EDITOR, now=NOW)
        assert key.name == "importer"
        for name, fault in (("", BadKey), (" ", BadKey), ("importer", BadKey), ("a\nb", InvalidName)):
            with pytest.raises(fault):
                keys.make(session, name, Role.EDITOR, now=NOW)
        keys.end(session, key.id, now=NOW)
        again, _ = keys.make(session, "importer", Role.EDITOR, now=NOW)
        assert [one.id for one in keys.all_keys(session)] == [again.id, key.id], "those in use first"


def test_an_end_is_for_good(engine: Engine) -> None:
    """An ended key opens nothing; to end it once more changes nothing, and nobody else's end."""
    with writing(engine) as session:
        key, secret = keys.make(session, "importer", Role.EDITOR, now=NOW)
        _, other = keys.make(session, "other", Role.EDITOR, now=NOW)
        keys.end(session, key.id, now=NOW)
        keys.end(session, key.id, now=NOW + timedelta(days=1))
        assert key.ended_at == NOW
        assert keys.find(session, secret) is None
        assert keys.find(session, other) is not None
        assert keys.find(session, "") is None
        with pytest.raises(NoSuchKey, match="newsletter keys list"):
            keys.end(session, 99, now=NOW)


def _demote(session: Session, editor: Editor, by: int) -> None:
    people.change_role(session, editor, Role.APPROVER, by=by, now=NOW)


def _remove(session: Session, editor: Editor, by: int) -> None:
    people.remove(session, editor, by=by, now=NOW)


@pytest.mark.parametrize("end", [_demote, _remove])
def test_a_key_ends_with_its_maker(engine: Engine, end: Callable[[Session, Editor, int], None]) -> None:
    """Whoever is no admin any more has no key either, and none comes back with them; others' keys stay."""
    with writing(engine) as session:
        ada, bo = an_admin(session), an_admin(session, BO)
        secret = keys.make(session, "Ada's", Role.ADMIN, by=ada.id, now=NOW)[1]
        others = [keys.make(session, f"{by}", Role.ADMIN, by=by, now=NOW)[1] for by in (bo.id, None)]
        end(session, ada, bo.id)
        assert keys.find(session, secret) is None
        assert all(keys.find(session, other) for other in others)
        assert ("key ended", "key 1", bo.id, {"name": "Ada's"}) in log(session)
        if ada.removed_at:
            an_admin(session)
        else:
            people.change_role(session, ada, Role.ADMIN, now=NOW)
        assert keys.find(session, secret) is None


def test_use_is_noted_to_the_minute(engine: Engine) -> None:
    """When a key was used last is known, without a write for each use."""
    with writing(engine) as session:
        key, _ = keys.make(session, "importer", Role.EDITOR, now=NOW)
        for later, noted in ((0, 0), (59, 0), (60, 60), (119, 60), (120, 120)):
            keys.note(session, key.id, now=NOW + timedelta(seconds=later))
            session.expire(key)
            assert key.used_at == NOW + timedelta(seconds=noted)
    assert timedelta(minutes=1) == USED_EVERY


def test_the_log_names_key_and_maker(engine: Engine) -> None:
    """To make and to end a key is in the log; so is the key by which something was done, and in that
    transaction alone."""
    with writing(engine) as session:
        ada = an_admin(session)
        key, _ = keys.make(session, "importer", Role.EDITOR, by=ada.id, now=NOW)
        keys.end(session, key.id, by=ada.id, now=NOW)
    with writing(engine) as session:
        by_key(session, "importer")
        audit(session, "issue changed", "issue 1", editor_id=1, now=NOW, detail={"version": 2})
        audit(session, "issue held", "issue 1", editor_id=1, now=NOW)
    with writing(engine) as session:
        audit(session, "issue held", "issue 2", editor_id=1, now=NOW, detail={"version": 2})
    with reading(engine) as session:
        assert log(session)[1:] == [
            ("key made", "key 1", 1, {"name": "importer", "role": "editor"}),
            ("key ended", "key 1", 1, {"name": "importer"}),
            ("issue changed", "issue 1", 1, {"version": 2, "key": "importer"}),
            ("issue held", "issue 1", 1, {"key": "importer"}),
            ("issue held", "issue 2", 1, {"version": 2}),
        ]
        assert session.scalars(select(ApiKey.ended_at)).one() == NOW
