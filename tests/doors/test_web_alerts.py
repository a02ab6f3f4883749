"""The pages about a reader's own alerts: tried before they are saved, saved, changed, paused, stopped."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select

from newsletter.links import alerts_url
from newsletter.store.engine import reading
from newsletter.web.alerts import JOIN_ALERTS_WORDING, SAVE_ALERT_WORDING, STOP_ALERT_WORDING
from newsletter.web.alerts_editors import NO_EDITORS_WORDING
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.alert_models import Watch
from subscribers.alert_rule import AlertRule
from subscribers.tokens import Purpose
from subscribers.watching import choices_of
from tests.builders import a_story
from tests.doors.conftest import NOW, Web
from tests.doors.preferences import ann, text_of
from tests.doors.readers import ANN, BOB, forms, last_line, ledger, mails, subscribed, undo_link
from tests.issues import tell

WIDE = {"more_companies": "Sample Lab", "min_outlets": "5"}
RULE = AlertRule.of({"companies": ["Sample Lab"]}, min_outlets=5)
CHOICES: dict[str, str | list[str]] = {
    "quiet_from": "23",
    "quiet_until": "6",
    "in_quiet": "fold",
    "afterwards": "line",
    "mails_a_day": "2",
}


def tried(web: Web, fields: dict[str, str], at: str = "") -> httpx.Response:
    return web.client.post(web.alerts_link(ANN) + at, data=fields | {"do": "show"})


def saved(web: Web, fields: dict[str, str], at: str = "") -> httpx.Response:
    """Saved with what the page that showed its past holds in its form."""
    [shown] = re.findall(r'name="shown" value="(\w+)"', tried(web, fields, at).text)
    answer = web.client.post(web.alerts_link(ANN) + at, data=fields | {"do": "save", "shown": shown})
    assert answer.status_code == 200
    return answer


def watches(web: Web) -> list[Watch]:
    with reading(web.services.engine) as session:
        found = list(session.scalars(select(Watch).order_by(Watch.id)))
        session.expunge_all()
        return found


def test_a_rule_shows_its_past_before_it_is_saved(web: Web) -> None:
    """What it would have sent stands there with its facts; nothing is saved by it, nor without it."""
    subscribed(web)
    tell(web.services, a_story("A wide story", outlets=6), a_story("A narrow story", outlets=2), at=NOW)
    web.now += timedelta(hours=1)
    said = text_of(tried(web, WIDE).text)
    assert "Not saved yet." in said
    assert "1 alert: 1 told at once A wide story" in said
    assert "6 outlets (you asked for 5)" in said
    assert "A narrow story" not in said
    never_shown = web.client.post(web.alerts_link(ANN), data=WIDE | {"do": "save"})
    assert "Not saved yet." in text_of(never_shown.text)
    assert watches(web) == []


def test_the_first_rule_is_saved_and_the_alerts_are_asked_for(web: Web) -> None:
    """It holds at once; as its holder receives no alerts, a mail asks the owner of the address first."""
    subscribed(web)
    web.now += timedelta(hours=1)
    said = text_of(saved(web, WIDE).text)
    assert [watch.rule_record.rule for watch in watches(web)] == [RULE]
    assert "Saved: Sample Lab, once 5 outlets report it." in said
    assert web.state(ANN, "alerts") == "pending"
    assert mails(web, ANN)[-1] == "confirmation"
    told = f"{JOIN_ALERTS_WORDING}: Sample Lab, once 5 outlets report it"
    assert [line.wording for line in ledger(web)[-2:]] == [told, JOIN_ALERTS_WORDING]


def test_a_rule_is_narrowed_paused_and_stopped(web: Web) -> None:
    """Each by a button, each with its line in the ledger; the link in the mail opens just that rule."""
    subscribed(web, ANN, "daily", "alerts")
    saved(web, WIDE)
    told = "Sample Lab, once 5 outlets report it"
    assert last_line(web) == ("changed", f"{SAVE_ALERT_WORDING}: {told}", ["alerts"])
    first = watches(web)[0].rule_id
    saved(web, WIDE | {"min_outlets": "9"}, f"/rules/{first}")
    [watch] = watches(web)
    assert watch.rule_record.rule.min_outlets == 9
    assert web.client.get(f"{web.alerts_link(ANN)}/rules/{first}").status_code == 404
    at = f"{web.alerts_link(ANN)}/rules/{watch.rule_id}"
    assert "once 9 outlets report it" in text_of(web.client.get(at).text)
    web.client.post(f"{at}/pause", data={"pause": "week"})
    assert watches(web)[0].paused_until == NOW + timedelta(days=7)
    early = web.client.post(f"{at}/pause", data={"pause": "day", "day": "2026-01-08"}).text
    assert "Please choose a date from tomorrow on" in text_of(early)
    assert 'type="date" value="2026-01-08"' in early
    web.client.post(f"{at}/pause", data={"pause": "end"})
    assert watches(web)[0].paused_until is None
    page = web.client.post(f"{at}/stop")
    assert watches(web) == []
    assert last_line(web)[1] == f"{STOP_ALERT_WORDING}: Sample Lab, once 9 outlets report it"
    assert "All is as before" in web.client.post(undo_link(page)).text
    assert [each.rule_id for each in watches(web)] == [watch.rule_id]


def test_a_link_opens_the_rules_of_its_reader_only(web: Web) -> None:
    """Another reader's rule is to them like one that never was, and a link of another purpose opens none."""
    subscribed(web)
    subscribed(web, BOB)
    saved(web, WIDE)
    [watch] = watches(web)
    theirs = alerts_url(web.url, web.services.tokens, getattr(web.subscriber(BOB), "public_id", ""))
    found = web.client.get(f"{theirs}/rules/{watch.rule_id}")
    never = web.client.get(f"{theirs}/rules/{watch.rule_id + 1000}")
    assert (found.status_code, found.text) == (404, never.text)
    assert web.client.post(f"{theirs}/rules/{watch.rule_id}/stop").status_code == 404
    assert len(watches(web)) == 1
    act = web.services.tokens.make(Purpose.ACT, ann(web).public_id, "daily")
    assert web.client.get(f"/alerts/{act}").status_code == 404


def test_choices_can_be_undone(web: Web) -> None:
    """One press brings back the choices before, be they the usual ones."""
    subscribed(web)
    link = f"{web.alerts_link(ANN)}/choices"
    first = web.client.post(link, data=CHOICES)
    other = web.client.post(link, data=CHOICES | {"mails_a_day": "5"})
    for page, mails_a_day in ((other, 2), (first, AlertChoices().mails_a_day)):
        assert "All is as before" in text_of(web.client.post(undo_link(page)).text)
        assert chosen(web).mails_a_day == mails_a_day


def test_the_alerts_of_the_editors_end_by_a_link_and_all_others_go_on(web: Web) -> None:
    """The link in the mail only asks; pressed, it keeps every other choice and rule, and can be undone."""
    subscribed(web, ANN, "daily", "alerts")
    saved(web, WIDE)
    web.client.post(f"{web.alerts_link(ANN)}/choices", data=CHOICES | {"from_editors": "yes"})
    at = f"{web.alerts_link(ANN)}/editors"
    asked = web.client.get(at)
    assert "No more alerts from the editors?" in text_of(asked.text)
    assert forms(asked) == {NO_EDITORS_WORDING: urlsplit(at).path}
    assert chosen(web).from_editors
    done = web.client.post(at)
    assert chosen(web) == AlertChoices(23, 6, frozenset(), InQuiet.FOLD, mails_a_day=2, from_editors=False)
    assert last_line(web) == ("changed", NO_EDITORS_WORDING, ["alerts"])
    assert "Your own alert goes on as before." in text_of(done.text)
    lines = len(ledger(web))
    assert "Undo" not in text_of(web.client.post(at).text)
    assert len(ledger(web)) == lines
    assert "All is as before" in web.client.post(undo_link(done)).text
    assert chosen(web).from_editors
    assert len(watches(web)) == 1


def chosen(web: Web) -> AlertChoices:
    with reading(web.services.engine) as session:
        [kept] = choices_of(session, [ann(web).id]).values()
    return kept


def test_choices_are_kept_and_faults_named(web: Web) -> None:
    """How they are alerted is as they chose; a fault has its remedy, and saves nothing."""
    subscribed(web)
    answer = web.client.post(f"{web.alerts_link(ANN)}/choices", data=CHOICES)
    assert "Saved." in text_of(answer.text)
    wanted = AlertChoices(23, 6, frozenset(), InQuiet.FOLD, mails_a_day=2, from_editors=False)
    every_day = {"quiet_days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "mails_a_day": "0"}
    answer = web.client.post(f"{web.alerts_link(ANN)}/choices", data=CHOICES | every_day)
    assert answer.status_code == 422
    for remedy in ("Please leave one day at least", "a whole number from 1 to 20"):
        assert remedy in text_of(answer.text)
    assert chosen(web) == wanted


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("min_outlets", "many", "a whole number from 1 to 99"),
        ("words", "++", "words with a letter or a digit"),
        ("fast_outlets", "3", "fill in both"),
        ("impacts", "huge", "Please choose from the labels"),
        ("audiences", "Nobody", "Please choose from Investors"),
    ],
)
def test_a_fault_in_a_rule_has_its_remedy(web: Web, field: str, value: str, remedy: str) -> None:
    """The field that does not hold says how to mend it, and nothing is saved."""
    subscribed(web)
    answer = tried(web, {field: value})
    assert answer.status_code == 422
    assert remedy in text_of(answer.text)


def test_the_preferences_page_lists_the_rules(web: Web) -> None:
    """In words, with the way to them; who leaves the alerts is offered to narrow them instead."""
    subscribed(web, ANN, "daily", "alerts")
    saved(web, WIDE)
    page = web.client.get(web.preferences_link(ANN))
    assert "Sample Lab, once 5 outlets report it" in text_of(page.text)
    assert "/alerts/" in page.text
    leaving = text_of(web.client.get(web.unsubscribe_link(ANN, "alerts")).text)
    assert "Fewer: narrow my alerts" in leaving
    assert "instead" not in leaving.replace("Or rather", "")
