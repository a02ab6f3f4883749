"""What the desk forgets: links and sessions long over. What was done with them stays in the log."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from newsletter.editors import people, sessions, signing_in
from newsletter.editors.rules import IDLE_LIFE, KEPT, LONGEST_LIFE
from newsletter.models import AuditLine, Editor, EditorSession, SignIn
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.tasks import forget
from newsletter.wiring import Services
from subscribers.address import parse
from tests.people import NOW

MOMENT = timedelta(seconds=1)


def an_editor(services: Services) -> int:
    with writing(services.engine) as session:
        return people.add(session, parse("ada@desk.example"), Role.ADMIN, now=NOW).id


def begin(services: Services, editor_id: int, *, seen_for: timedelta = timedelta()) -> str:
    """A session since NOW, of somebody who was seen for so long; its secret."""
    with writing(services.engine) as session:
        secret = sessions.begin(session, editor_id, now=NOW)
        found = sessions.find(session, secret, now=NOW)
        assert found is not None
        sessions.note(session, found.id, now=NOW + seen_for)
        return secret


def there_are(services: Services, table: type[SignIn] | type[EditorSession] | type[AuditLine]) -> int:
    with reading(services.engine) as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def test_links_are_forgotten(services: Services) -> None:
    """A link asked for 30 days ago goes, used or not; the newest stays, so that no number is given twice."""
    editor_id = an_editor(services)
    numbers = []
    for at in (NOW, NOW, NOW + MOMENT, NOW + MOMENT):
        with writing(services.engine) as session:
            editor = session.get_one(Editor, editor_id)
            numbers.append(signing_in.ask(session, editor, now=at).id)
    with writing(services.engine) as session:
        signing_in.sign_in(session, numbers[0], now=NOW, ip=None)
    lines = there_are(services, AuditLine)
    for age, left in ((KEPT, 4), (KEPT + MOMENT, 2), (KEPT + 2 * MOMENT, 1), (3 * KEPT, 1)):
        forget(services, NOW + age)
        assert there_are(services, SignIn) == left
    assert there_are(services, AuditLine) == lines


def over(services: Services, end: datetime) -> None:
    """All sessions are there until 30 days after `end`, and gone then."""
    before = there_are(services, EditorSession)
    forget(services, end + KEPT)
    assert there_are(services, EditorSession) == before
    forget(services, end + KEPT + MOMENT)
    assert there_are(services, EditorSession) == 0


def test_sessions_that_were_ended_are_forgotten(services: Services) -> None:
    """A session goes 30 days after its editor signed out."""
    secret = begin(services, an_editor(services))
    with writing(services.engine) as session:
        sessions.end(session, secret, now=NOW + MOMENT)
    over(services, NOW + MOMENT)


def test_sessions_that_nobody_ended_are_forgotten(services: Services) -> None:
    """So does one whose editor stayed away, from when it could no longer be used."""
    begin(services, an_editor(services), seen_for=timedelta(hours=1))
    over(services, NOW + timedelta(hours=1) + IDLE_LIFE)


def test_sessions_that_were_in_use_to_the_end_are_forgotten(services: Services) -> None:
    """So does one that was used for as long as any may be."""
    begin(services, an_editor(services), seen_for=LONGEST_LIFE - MOMENT)
    over(services, NOW + LONGEST_LIFE)
