"""The mail of an alert: the story at once, why it comes, and how to have less of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from newsletter.alerts.pieces import AlertMail, compose_again, from_json, to_json
from newsletter.content import StoryContent, Tldr
from newsletter.rendering.joining import (
    LIMIT,
    SUBJECT,
    Entry,
    Fired,
    alert_subject,
    join_alert,
    preheader,
)
from newsletter.rendering.pieces import Form
from newsletter.rendering.telling import Telling, tell
from newsletter.rendering.typesetting import columns
from tests.alert_mails import (
    DESCRIPTION,
    LINKS,
    NAME,
    NORTHLIGHT,
    POLICY,
    SEVERAL,
    alert,
    correction,
    pieces_of,
)
from tests.digests import ARABIC, BARE, RENDERER, RICH
from tests.mail_words import on_one_line, parsed, words

MAILS: dict[str, Callable[[], AlertMail]] = {
    "alert": lambda: alert(RICH, line="The weights are out, and <we> checked them."),
    "alerts": lambda: alert(*SEVERAL),
    "alert-correction": correction,
}


@pytest.mark.parametrize("part", ["html", "txt"])
@pytest.mark.parametrize("name", MAILS)
def test_golden(name: str, part: str, golden: Callable[[str, str], None]) -> None:
    """The alerts are those that were read and found good; a change shows as a diff."""
    mail = MAILS[name]().content
    if part == "txt":
        golden(f"{name}.txt", f"{mail.subject}\n\n{mail.text}")
    else:
        golden(f"{name}.html", mail.html.replace("><", ">\n<"))


def test_everything_in_both_parts() -> None:
    """Titles, outlets, rules with their facts, and every link of the reader stand in html and in text."""
    mail = alert(*SEVERAL).content
    links = {element.get("href") for element in parsed(mail).iter("a")}
    ours = {f"@@{slot}@@" for slot in LINKS} | {f"@@alerts_url@@/rules/{n}" for n in (12, 31)}
    assert ours | {f"@@alerts_url@@/rules/12#{act}" for act in ("pause", "stop")} <= links
    assert ours <= set(mail.text.split())
    told = [content.title for content in SEVERAL] + [*NORTHLIGHT.facts, *POLICY.facts, NORTHLIGHT.words]
    told += [article.outlet for content in SEVERAL for article in content.coverage]
    for text in told:
        assert text in words(mail)
        assert text in on_one_line(mail.text)


def test_the_first_story_is_the_heading_of_the_mail() -> None:
    """A mail has one h1: the story that leads it, or that it corrects something; the others are h2."""
    headings = [element.text_content() for element in parsed(alert(*SEVERAL).content).iter("h1")]
    assert headings == [RICH.title]
    [heading] = parsed(correction().content).iter("h1")
    assert heading.text_content() == "About a story that we told you"


def test_joined_mails_equal_mails_compiled_as_a_whole() -> None:
    """Cards and rules put into the shell as strings are what the compiler makes of the whole document."""
    because, rule = ("Your alert: <x>",), {"words": "<x>", "rule": "7", "facts": "5 outlets", "block": ""}
    told = [(RICH, Form.ALERT), (ARABIC, Form.ALSO), (BARE, Form.BRIEF)]
    shell = RENDERER.alert_shell(newsletter=NAME, description=DESCRIPTION)
    entries = [Entry(RENDERER.card(content, form), because) for content, form in told]
    joined = join_alert(shell, entries, [Fired(7, "<x>", ("5 outlets",))], subject="s")
    values = {"because": because[0], "changes": "", "block": ""}
    cards = [RENDERER._card(tell(Telling(content, form)), "mjml", values) for content, form in told]
    about = {
        "newsletter": NAME,
        "title": NAME,
        "description": DESCRIPTION,
        "preheader": preheader([entries[0].card.lead], []),
        "heading": "",
        "rules": RENDERER._render("parts/rule.mjml", rule),
        "cards": "".join(cards),
        "block": "",
    }
    assert joined.html == RENDERER._compile("alert/body.mjml", about)


def test_kept_pieces_join_to_the_same_mail() -> None:
    """What was composed is joined again from the documents that are kept, byte for byte."""
    mail = alert(RICH, BARE, whole=1)
    pieces = {n: from_json(to_json(pieces_of(content))) for n, content in ((1, RICH), (2, BARE))}
    assert compose_again(mail.tellings, pieces, subject=mail.subject) == mail
    assert [telling.piece for telling in mail.tellings] == ["alert/1/alert", "alert/2/brief"]


def test_a_mail_stays_within_what_mailboxes_show() -> None:
    """However long its stories are, fewer of them are told whole rather than that a mailbox cuts it off."""
    long = replace(
        RICH, tldr=Tldr("word " * 200), title="A long title " * 30, url="https://x.example/" + "y" * 2000
    )
    whole, most = alert(long, long, long), alert(*[long] * 12, whole=10)
    assert whole.size_bytes <= LIMIT
    assert most.size_bytes <= LIMIT
    assert most.tellings[-1].form is Form.BRIEF


@pytest.mark.parametrize("further", [0, 2])
def test_the_subject_fits_on_a_line(further: int) -> None:
    """Only the headline is cut, at a word; how many more there are stays."""
    subject = alert_subject("France signs with Mistral AI " * 9, further=further)
    assert len(subject) <= SUBJECT
    assert subject.startswith("Alert: France signs")
    assert subject.endswith("… (+2)" if further else "…")


@pytest.mark.parametrize("content", [RICH, BARE])
def test_no_line_of_the_text_part_is_longer_than_a_screen(content: StoryContent) -> None:
    """Every line of text fits into 72 columns, but for links and facts that are wrapped with their rule."""
    text = alert(content).content.text
    assert all(columns(line) <= 72 or "@@" in line or "://" in line for line in text.splitlines())
