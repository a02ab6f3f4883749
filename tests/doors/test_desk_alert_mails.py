"""The mails of an alert at the desk: a test of it before it leaves, and what left, joined once more."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from sqlalchemy import func, select, update

from newsletter.alerting import strike
from newsletter.models import Alert, AlertReader, AuditLine, Delivery, Edition
from newsletter.models.delivery import DeliveryKind
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from tests.builders import NOON, a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, at_desk
from tests.doors.sending import fields, words
from tests.doors.test_desk_alerts import HERE, WORDS, begin, press
from tests.issues import tell


def mails(web: Web) -> list[EmailMessage]:
    """In the folder: the test mail first, which has no number."""
    found = sorted(web.services.settings.mail_folder.glob("*.eml"))
    return [message_from_bytes(path.read_bytes(), policy=default) for path in found]


def html_of(mail: EmailMessage) -> str:
    """Without what differs by reader: the links that are theirs."""
    part = mail.get_body(("html",))
    assert part
    return re.sub(r"http://127.0.0.1[^\"]*", "", part.get_content())


def test_a_test_mail_is_the_mail_that_leaves(web: Web) -> None:
    """It goes to the editor, marked; its reader gets the very same. Nobody counts as told by it."""
    with at_desk(web, Role.APPROVER) as desk:
        begin(web, desk)
        press(desk, "", **WORDS)
        answer = press(desk, "send-test")
        assert answer.headers["location"] == f"{HERE}#test"
        [trial] = mails(web)
        assert (trial["To"], trial["Subject"][:12]) == ("approver@desk.example", "[TEST] Alert")
        assert "Your last one is on its way: 8 Jan 2026, 12:00 UTC." in words(desk.get(HERE).text)
        with reading(web.services.engine) as session:
            assert session.scalars(select(func.count()).select_from(AlertReader)).one() == 0
            told = select(Delivery.id).where(Delivery.kind == DeliveryKind.ALERT)
            assert session.scalars(told).all() == []
            acts = session.scalars(select(AuditLine.act).where(AuditLine.subject == "alert 1")).all()
        assert acts[-2:] == ["test mail handed over", "test mail taken"]
        press(desk, "approve")
        web.now += timedelta(minutes=1)
        strike(web.services, web.now)
        web.services.dispatcher().run(web.now)
    [left] = [mail for mail in mails(web) if mail["To"] == "ann@reader.example"]
    assert (left["From"], f"[TEST] {left['Subject']}") == (trial["From"], trial["Subject"])
    assert html_of(left) == html_of(trial)


@on_one_database
def test_a_test_mail_tells_the_story_of_now(web: Web) -> None:
    """What came in since the draft is in it; a form that comes twice brings one; in vain it says why."""
    with at_desk(web, Role.EDITOR) as desk:
        begin(web, desk)
        tell(web.services, a_story("France signs with Mistral AI", outlets=7), at=NOON)
        sent = fields(desk.get(HERE).text, "send-test")
        path = f"{HERE}/send-test"
        answers = [desk.client.post(path, data={**sent, "to": str(desk.editor_id)}, headers=FROM_HERE)]
        assert "from 7 sources" in html_of(mails(web)[0])
        answers.append(desk.client.post(path, data=sent, headers=FROM_HERE))
        answers.append(press(desk, "send-test", to="99"))
    assert [answer.status_code for answer in answers] == [303, 409, 409]
    assert "No test mail left. This very form was used before" in answers[1].text
    assert "only to editors who have signed in" in answers[2].text


@on_one_database
def test_what_left_is_shown_again(web: Web) -> None:
    """The alert names its mails; each is shown as it left, with what it tells, and says if it is not that."""
    with at_desk(web, Role.APPROVER) as desk, at_desk(web, Role.VIEWER) as viewer:
        begin(web, desk)
        press(desk, "", **WORDS)
        press(desk, "approve")
        web.now += timedelta(minutes=1)
        strike(web.services, web.now)
        with reading(web.services.engine) as session:
            edition = session.scalars(select(Edition.id)).one()
        path = f"/desk/editions/{edition}"
        assert f'href="{path}"' in viewer.get(HERE).text
        page = words(viewer.get(path).text)
        assert "What one reader got, 8 Jan 2026, 12:01 UTC" in page
        assert "equal to what left: SHA-256" in page
        assert "Chosen by the editors for Investors and Policymakers" in page
        assert f"&lt;{web.services.settings.alert_sender.address}&gt;" in page
        assert "It cannot wait." in viewer.get(f"{path}/frame").text
        assert "It cannot wait." in viewer.get(f"{path}?part=text").text
        with writing(web.services.engine) as session:
            session.execute(update(Edition).values(subject="Another"))
        assert "NOT what left" in viewer.get(path).text
        with writing(web.services.engine) as session:
            session.execute(update(Alert).values(pieces={}))
        assert "cannot be joined any more" in viewer.get(path).text
        assert viewer.client.get(f"{path}/frame").status_code == 404


@on_one_database
def test_a_viewer_sends_no_test(web: Web) -> None:
    """Neither is the form there, nor is one taken."""
    with at_desk(web, Role.EDITOR) as desk, at_desk(web, Role.VIEWER) as other:
        begin(web, desk)
        assert "Test mail" not in other.get(HERE).text
        assert other.post(f"{HERE}/send-test").status_code == 403
    assert mails(web) == []
