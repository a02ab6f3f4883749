"""The mail of an alert: the story at once, why it comes, and how to have less of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from newsletter.alerts.pieces import (
    SHELL,
    AlertMail,
    AlertTelling,
    compose,
    compose_again,
    from_json,
    to_json,
)
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
from newsletter.rendering.pieces import SLOT, AlertShell, Form
from newsletter.rendering.telling import Telling, tell
from newsletter.rendering.typesetting import columns
from tests.alert_mails import (
    CHOSEN,
    DESCRIPTION,
    LINKS,
    NAME,
    NORTHLIGHT,
    POLICY,
    SEVERAL,
    alert,
    correction,
    of_editors,
    pieces_of,
)
from tests.digests import ARABIC, BARE, CHINESE, RENDERER, RICH
from tests.mail_words import on_one_line, parsed, words

MAILS: dict[str, Callable[[], AlertMail]] = {
    "alert": lambda: alert(RICH, line="The weights are out, and <we> checked them."),
    "alerts": lambda: alert(*SEVERAL),
    "alert-editors": of_editors,
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


def test_each_rule_is_named_once_with_the_facts_of_each_of_its_stories() -> None:
    """Its links stand once below its stories; each of them has a title and its own facts, in both parts."""
    arabic = tell(Telling(ARABIC)).short_title
    first, second = NORTHLIGHT, replace(NORTHLIGHT, facts=("about Northlight", "9 outlets (you asked for 3)"))
    pieces = {number: pieces_of(content) for number, content in ((1, RICH), (2, ARABIC), (3, CHINESE))}
    fired = [(first,), (second, POLICY), (POLICY,)]
    mail = compose([AlertTelling(n, n, 1, fired=fired[n - 1]) for n in pieces], pieces, whole=3).content
    northlight = ["Your alert: Northlight, once 3 outlets report it", RICH.title, *first.facts]
    northlight += [arabic, *second.facts, "@@alerts_url@@/rules/12"]
    policy = ["Your alert: For policymakers", arabic, *POLICY.facts, CHINESE.title, *POLICY.facts]
    policy += ["@@alerts_url@@/rules/31"]
    footer = mail.text.partition("WHY YOU RECEIVE IT")[2]
    assert in_order(footer, *northlight, *policy)
    assert footer.count("rules/12") == footer.count("rules/31") == 1
    footer = mail.html.partition("Why you receive it")[2]
    assert in_order(footer, *northlight, "#stop", *policy, "#stop")
    assert f'<span lang="ar" dir="rtl">{arabic}</span>' in footer


def in_order(text: str, *parts: str) -> bool:
    """Whether the parts stand in the text one after another, and nothing of them was forgotten."""
    place = 0
    for part in parts:
        place = text.find(part, place)
        assert place >= 0, f"{part!r} is not there, or not in its place"
        place += len(part)
    return True


def test_a_single_story_needs_no_title_for_its_facts() -> None:
    """Below the only story of a mail its facts stand right below the rule, or the editors' choice."""
    text = alert(RICH).content.text.partition("WHY YOU RECEIVE IT")[2]
    assert f"{NORTHLIGHT.words}\nabout Northlight · 4 outlets (you asked for 3)\n" in text
    assert RICH.title not in text


def test_what_the_editors_chose_says_so_and_how_to_hear_no_more_of_them() -> None:
    """Whom they meant stands in the footer, with a link of its own beside those of the reader's rules."""
    mail = of_editors().content
    links = [element.get("href") for element in parsed(mail).iter("a")]
    assert links.count("@@alerts_url@@/editors") == 1
    assert "No more alerts from the editors: @@alerts_url@@/editors" in mail.text
    for text in (words(mail), on_one_line(mail.text)):
        footer = text.lower().partition("why you receive it")[2]
        assert in_order(footer, "chosen by the editors", *map(str.lower, CHOSEN.facts), "your alert: north")


def test_a_correction_says_why_it_comes() -> None:
    """Its reader was told what is wrong; there is nothing to stop but all alerts."""
    text = correction().content.text.partition("WHY YOU RECEIVE IT")[2]
    assert "A correction of what we told you\nWe told you on Thursday, January 8, 2026\n\nTexts" in text
    assert "/editors" not in text


def test_shells_that_were_kept_before_join_as_they_did() -> None:
    """A shell that knows no stories within a rule gets the rule's words, number and facts in one line."""
    slots = {
        name: f"{SLOT}{name}{SLOT}" for name in ("rules", "rule", "words", "facts", "cards", "preheader")
    }
    rule = "<b>{words}</b> Met: {facts}. {rule}".format_map(slots)
    shell = AlertShell("{preheader}{cards}{rules}".format_map(slots), slots["rules"], rule, rule)
    pieces = {n: {**pieces_of(content), SHELL: shell} for n, content in ((1, RICH), (2, BARE))}
    other = replace(NORTHLIGHT, facts=("about Northlight", "9 outlets"))
    tellings = [AlertTelling(1, 1, 1, fired=(NORTHLIGHT,)), AlertTelling(2, 2, 1, fired=(other,))]
    facts = "about Northlight · 4 outlets (you asked for 3) · 9 outlets"
    assert compose(tellings, pieces, whole=1).content.text == f"<b>{NORTHLIGHT.words}</b> Met: {facts}. 12"


def test_joined_mails_equal_mails_compiled_as_a_whole() -> None:
    """Cards and rules put into the shell as strings are what the compiler makes of the whole document."""
    because, fired = ("Your alert: <x>",), (Fired(7, "<x>", ("5 outlets",)),)
    told = [(RICH, Form.ALERT), (ARABIC, Form.ALSO), (BARE, Form.BRIEF)]
    shell = RENDERER.alert_shell(newsletter=NAME, description=DESCRIPTION)
    entries = [Entry(RENDERER.card(content, form), because, fired=fired) for content, form in told]
    joined = join_alert(shell, entries, subject="s")
    rule = {"words": "<x>", "rule": "7", "block": ""} | dict.fromkeys(("met", "others", "editors"), "")
    facts = {"facts": "5 outlets", "block": ""}
    rows = [
        RENDERER._render("parts/row.mjml", {"story": tell(Telling(content, form)), **facts}).strip()
        for content, form in told
    ]
    values = {"because": because[0], "changes": "", "block": ""}
    cards = [RENDERER._card(tell(Telling(content, form)), "mjml", values) for content, form in told]
    about = {
        "newsletter": NAME,
        "title": NAME,
        "description": DESCRIPTION,
        "preheader": preheader([entries[0].card.lead], []),
        "heading": "",
        "rules": RENDERER._render("parts/rule.mjml", rule | {"stories": "".join(rows)}),
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


def test_many_rules_do_not_make_a_mail_too_long() -> None:
    """However many rules found its stories, each story names one, and the mail stays within the limit."""
    pieces = {number: pieces_of(BARE) for number in range(1, 13)}
    rules = tuple(Fired(number, "a long rule " * 30, ("a fact " * 20,)) for number in range(50))
    tellings = [AlertTelling(number, number, 1, fired=rules[number:] + rules[:number]) for number in pieces]
    mail = compose(tellings, pieces, whole=3)
    assert mail.size_bytes <= LIMIT
    assert all(one.fired for one in mail.tellings)
    assert compose_again(mail.tellings, pieces, subject=mail.subject) == mail


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
