"""Test mails from the desk: to editors alone, marked, few, once a form; nobody counts as told by them."""

import re
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest
from sqlalchemy import func, select

from newsletter.mail import Mail, Misconfigured, Outcome, Verdict
from newsletter.models import AuditLine, Delivery
from newsletter.models.editor import Role
from newsletter.store.engine import reading
from newsletter.web.app import create_app
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, an_editor, at_desk
from tests.doors.sending import acts, an_issue, digests, fields, press, words
from tests.faulty import FaultyProvider
from tests.web_server import WebServer

EDITOR = "editor@desk.example"


def trials(web: Web) -> list[Message]:
    """The test mail in the folder, where one takes the place of the one before."""
    paths = web.services.settings.mail_folder.glob("*.eml")
    mails = [message_from_bytes(path.read_bytes(), policy=default) for path in paths]
    return [mail for mail in mails if mail["Subject"].startswith("[TEST]")]


def deliveries(web: Web) -> int:
    with reading(web.services.engine) as session:
        return session.scalars(select(func.count()).select_from(Delivery)).one()


def test_a_test_mail_for_oneself(web: Web) -> None:
    """It is marked, as its audience would get it; no delivery is made of it, and the page says it left."""
    path = an_issue(web)
    with at_desk(web, Role.EDITOR) as desk:
        before = deliveries(web)
        answer = press(desk, path, "send-test", audience="Investors")
        assert answer.headers["location"] == f"{path}/send#test"
        [mail] = trials(web)
        assert mail["To"] == EDITOR
        assert "A sample lab opens an office" in mail["Subject"]
        assert "Because: Investors" in mail.as_string()
        assert deliveries(web) == before
        assert "Your last one is on its way: 8 Jan 2026, 02:00 UTC, as Investors" in words(
            desk.get(f"{path}/send").text
        )
    assert acts(web) == ["test mail handed over", "test mail taken"]
    assert digests(web) == []


@on_one_database
def test_only_editors_who_proved_their_mailbox_get_one(web: Web) -> None:
    """Neither an editor who never signed in nor any other address is offered, or mailed if it is sent."""
    path = an_issue(web)
    stranger = an_editor(web, Role.ADMIN, "new@desk.example")
    with at_desk(web, Role.EDITOR) as desk, at_desk(web, Role.VIEWER) as viewer:
        page = desk.get(f"{path}/send").text
        assert re.findall(r"<option[^>]*>(\S+@\S+)</option>", page) == [EDITOR, "viewer@desk.example"]
        for to in (str(stranger), "a@reader.example", "", "0", "9" * 30):
            answer = press(desk, path, "send-test", to=to)
            assert answer.status_code == 409
            assert "only to editors who have signed in" in answer.text
        assert trials(web) == []
        assert press(desk, path, "send-test", to=str(viewer.editor_id)).status_code == 303
        assert [mail["To"] for mail in trials(web)] == ["viewer@desk.example"]


@on_one_database
def test_a_form_brings_one_mail(web: Web) -> None:
    """A double click and the back button bring no second one."""
    path = an_issue(web)
    with at_desk(web, Role.EDITOR) as desk:
        sent = fields(desk.get(f"{path}/send").text, "send-test")
        answers = [
            desk.client.post(f"{path}/send-test", data=sent, headers=FROM_HERE).status_code for _ in range(2)
        ]
    assert answers == [303, 409]
    assert acts(web) == ["test mail handed over", "test mail taken"]


@on_one_database
def test_few_in_a_short_time(web: Web) -> None:
    """An editor gets ten in ten minutes; others have theirs, and later there are more."""
    path = an_issue(web)
    with at_desk(web, Role.EDITOR) as desk, at_desk(web, Role.ADMIN) as other:
        for _ in range(10):
            assert press(desk, path, "send-test").status_code == 303
        refused = press(desk, path, "send-test")
        assert refused.status_code == 409
        assert "wait a little" in refused.text
        assert press(other, path, "send-test").status_code == 303
        assert acts(web).count("test mail taken") == 11
        web.now = web.now.replace(minute=web.now.minute + 10)
        assert press(desk, path, "send-test").status_code == 303


def refuse(mail: Mail) -> Outcome:
    return Outcome(Verdict.REFUSED, "550 no <such> mailbox")


def rebuff(mail: Mail) -> Outcome:
    raise Misconfigured("the key is wrong")


def break_down(mail: Mail) -> Outcome:
    raise ConnectionError("gone")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (refuse, "Your last one was refused: 8 Jan 2026, 02:00 UTC, as a reader without preferences. 550 no"),
        (rebuff, "Your last one was not taken: 8 Jan 2026, 02:00 UTC, as a reader without preferences. the"),
        (break_down, "Whether your last one left is not known: 8 Jan 2026, 02:00 UTC"),
    ],
)
@on_one_database
def test_what_went_wrong_is_told(
    web: Web, web_stage: WebServer, fault: Callable[[Mail], Outcome], told: str
) -> None:
    """Whatever the provider says, or if it breaks, the page tells; and no transaction waits for it."""
    path = an_issue(web)
    open_ones: list[int] = []

    def answer(mail: Mail) -> Outcome:
        open_ones.append(web.services.engine.pool.checkedout())  # type: ignore[attr-defined]
        return fault(mail)

    services = replace(web.services, provider=FaultyProvider(web.services.provider, answer))
    web_stage.app = create_app(services, clock=lambda: web.now)
    with at_desk(web, Role.EDITOR) as desk:
        assert press(desk, path, "send-test").status_code == 303
        assert told in words(desk.get(f"{path}/send").text)
    assert open_ones == [0]
    with reading(web.services.engine) as session:
        assert session.scalars(select(AuditLine).where(AuditLine.act.like("test mail%"))).all()
