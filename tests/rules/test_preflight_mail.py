"""What preflight finds in the mail around the stories: its subject, its way out, its size, its colours."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from newsletter.config import ROOT
from newsletter.editions import Composed, Telling
from newsletter.headers import Headers, digest_headers
from newsletter.mail import Content, Sender
from newsletter.preflight import mailing, spam
from newsletter.preflight.contrast import contrast, ratio
from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.galley import Galley, Seen
from newsletter.rendering import telling
from newsletter.rendering.pieces import Card, Form
from newsletter.rendering.renderer import Renderer
from tests.builders import a_story

SENDER = Sender("Race to AGI", "digest@racetoagi.example")
ADDRESS = "1 Sample Street & Co, 00000 Sample Town"
RENDERER = Renderer(
    ROOT / "templates" / "email",
    site_name="Race to AGI",
    site_url="https://r.example",
    postal_address=ADDRESS,
)
STORY = telling.Telling(a_story(), story_id=1)


def whole() -> Content:
    """A mail with one story, as its templates make it."""
    about = {"newsletter": "Daily", "description": "News.", "date": date(2026, 1, 8)}
    return RENDERER.whole([STORY], subject="A model passes a test", **about)  # type: ignore[arg-type]


def card(headline: str = "A model passes a test") -> Card:
    return RENDERER.card(a_story(headline), Form.FULL, story_id=1)


def a_galley(*editions: Seen) -> Galley:
    return Galley({1: STORY}, {1: card()}, None, editions)


def mailed(subject: str, *, size: int = 1000, audience: str | None = None) -> Seen:
    told = (Telling(1, 1, "1@1/full", (), ()),)
    return Seen(audience, Composed(subject, told, Content(subject, "", ""), size))


def headers(url: str = "https://r.example/unsubscribe/x") -> Headers:
    about = {"newsletter": "Daily", "slug": "daily", "occasion": 1, "public_id": "x"}
    return digest_headers(sender=SENDER, unsubscribe_url=url, **about)  # type: ignore[arg-type]


def test_our_own_mail_is_clear() -> None:
    """The mail of our templates has its way out, its address, readable colours and a whole text part."""
    mail = whole()
    assert [
        *mailing.way_out(mail, headers(), leaves=True),
        *mailing.postal_address(mail, ADDRESS, leaves=True),
        *mailing.unfilled(mail),
        *mailing.images(mail.html),
        *mailing.text_part(1, card()),
        *contrast(mail.html),
    ] == []


def test_a_mail_that_cannot_be_ended() -> None:
    """Without a link to unsubscribe in either part, or without the headers, the issue is barred."""
    mail = whole()
    gone = replace(mail, text=mail.text.replace("@@unsubscribe_url@@", ""))
    assert _severities(mailing.way_out(gone, headers(), leaves=True)) == [Severity.BLOCKING]
    gone = replace(gone, html=mail.html.replace("@@unsubscribe_url@@", ""))
    assert _severities(mailing.way_out(gone, headers(), leaves=True)) == [Severity.BLOCKING] * 2
    assert _severities(mailing.way_out(mail, (), leaves=True)) == [Severity.BLOCKING]
    plain = headers("http://r.example/unsubscribe/x")
    assert _severities(mailing.way_out(mail, plain, leaves=True)) == [Severity.WARNING]
    assert _severities(mailing.way_out(mail, plain, leaves=False)) == []


def test_a_mail_without_postal_address() -> None:
    """Where mail leaves for real, a missing address bars it; in a folder it is a warning."""
    mail = whole()
    assert _severities(mailing.postal_address(mail, None, leaves=True)) == [Severity.BLOCKING]
    assert _severities(mailing.postal_address(mail, None, leaves=False)) == [Severity.WARNING]
    elsewhere = mailing.postal_address(mail, "2 Another Street, Sample Town", leaves=True)
    assert _severities(elsewhere) == [Severity.BLOCKING] * 2


def test_slots_that_nothing_fills() -> None:
    """A slot that is no reader's link would reach the reader as it is."""
    mail = whole()
    (finding,) = mailing.unfilled(replace(mail, text=f"{mail.text} @@first_name@@"))
    assert "@@first_name@@" in finding.words
    assert finding.severity is Severity.BLOCKING


def test_images_without_words() -> None:
    """Each image has alternative text, be it empty."""
    assert len(list(mailing.images('<img src="x" alt=""><IMG src="y" width="1">'))) == 1


def test_a_story_without_its_text() -> None:
    """A text part that does not tell a story bars the issue; one that lacks TL;DR or link is warned of."""
    made = card()
    for text in ("", "Another story"):
        assert _severities(mailing.text_part(1, replace(made, text=text))) == [Severity.BLOCKING]
    (finding,) = mailing.text_part(1, replace(made, text=made.headline))
    assert finding.words == "the text part tells it without its TL;DR and link"


def subjects(headline: str, *, before: dict[str, date] | None = None) -> list[str]:
    seen = mailed(RENDERER.subject([headline], newsletter="Daily", date=date(2026, 1, 8)))
    found = mailing.subjects(a_galley(seen), {1: card(headline)}, before or {})
    return [finding.words.rpartition(": ")[2] for finding in found]


@pytest.mark.parametrize(
    ("headline", "words"),
    [
        ("A lab opens " + "and opens " * 8, ["its end is cut off, since it has more than 78 characters"]),
        ("THIS CHANGES EVERYTHING FOREVER", ["it is all in capitals"]),
        ("🚀 New 🔥 models 🎉", ["so many pictures look like advertising"]),
        ("???", ["it has no words"]),
        ("NVIDIA GTC", []),
        ("机器人学会折叠衣物", []),
        ("A lab opens an office 🚀", []),
    ],
)
def test_subjects(headline: str, words: list[str]) -> None:
    """A subject that is cut, shouted or gaudy is named; names, other scripts and one picture pass."""
    assert subjects(headline) == words


def test_a_subject_that_was_there_before() -> None:
    """The headline that led an issue lately is not the subject again, however it is spelled."""
    assert subjects("A Lab  opens", before={"a lab opens": date(2026, 1, 5)}) == [
        "the issue of 2026-01-05 had the same"
    ]


def test_subjects_by_audience() -> None:
    """One subject for everybody is told once; one that only some get names them."""
    alike = [mailed("THIS CHANGES EVERYTHING"), mailed("THIS CHANGES EVERYTHING", audience="Investors")]
    (finding,) = mailing.subjects(a_galley(*alike), {1: card()}, {})
    assert finding.words == "“THIS CHANGES EVERYTHING”: it is all in capitals"
    (finding,) = mailing.subjects(a_galley(mailed("Calm"), alike[1]), {1: card()}, {})
    assert "for Investors" in finding.words


def test_sizes() -> None:
    """What Gmail hides bars the issue, what leaves no room is warned of, and so is what was left out."""
    sizes = [mailed("s", size=kib * 1024) for kib in (91, 93, 103)]
    assert _severities(mailing.sizes(a_galley(*sizes))) == [Severity.WARNING, Severity.BLOCKING]
    assert len(list(mailing.sizes(a_galley(replace(sizes[0], left_out=2))))) == 1


def test_an_empty_issue() -> None:
    """An issue without a story is barred; one that some audience gets nothing of is not."""
    empty = Galley({}, {}, None, (Seen(None, None, "0 of the 1 stories"),))
    assert _severities(mailing.emptiness(empty)) == [Severity.BLOCKING]
    some = a_galley(
        mailed("s"),
        Seen("Investors", None, "0 of the 1 stories"),
        Seen("Engineers", None, "0 of the 1 stories"),
    )
    (finding,) = mailing.emptiness(some)
    assert finding.words == "no mail goes to Investors and Engineers: 0 of the 1 stories"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_the_ratio_of_wcag(one: str, other: str, expected: float) -> None:
    """The formula gives the values that are known for these colours, whichever comes first."""
    assert ratio(one, other) == ratio(other, one) == pytest.approx(expected, abs=0.01)


DARK = "<style>@media (prefers-color-scheme: dark) { a { color: %s } p { background-color: #111 } }</style>"


@pytest.mark.parametrize(
    ("html", "weak"),
    [
        ('<p style="color:#777">text</p>', 1),
        ('<div style="background-color:#1d4ed8"><p>text</p></div>', 1),
        ('<table bgcolor="#000000"><tr><td>text</td></tr></table>', 1),
        ('<h1 style="color:#777;font-size:24px">large</h1>', 0),
        ('<p style="color:#777;display:none">hidden</p>', 0),
        ('<p style="color:#777"> </p><title style="color:#777">x</title>', 0),
        ('<div style="background:#000;color:#fff"><br>text<img alt=""></div>text', 0),
        (DARK % "#222 !important", 1),
        (DARK % "#eee", 0),
        ("<style>p { color: #222; background-color: #111 }</style>", 0),
    ],
)
def test_colours_of_a_mail(html: str, weak: int) -> None:
    """Each weak pair in which text is shown is found, light or dark; large text may be weaker."""
    assert len(contrast(html)) == weak


def a_spamassassin(folder: Path, script: str) -> None:
    """A program that stands in for it: SpamAssassin writes its header into the mail that it is given."""
    program = folder / "spamc"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)


def test_what_spamassassin_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its points and rules are read from the header that it writes; whatever else it does gives no score."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    status = "X-Spam-Status: No, score=-0.2 required=5.0 tests=DKIM_SIGNED,HTML_MESSAGE,\\n\\tMIME_HTML_ONLY"
    a_spamassassin(tmp_path, f"printf '{status} autolearn=ham version=4.0.1\\n'; cat")
    assert spam.is_installed()
    assert spam.score(b"Subject: x\n\nbody") == (-0.2, "DKIM_SIGNED, HTML_MESSAGE, MIME_HTML_ONLY")
    monkeypatch.setattr(spam, "PATIENCE", 0.2)
    for script in ("cat", "exit 1", "sleep 2"):
        a_spamassassin(tmp_path, script)
        assert spam.score(b"Subject: x\n\nbody") is None


def test_no_spamassassin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it is not installed, nobody is asked."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not spam.is_installed()
    assert spam.score(b"Subject: x\n\nbody") is None


def _severities(findings: Iterable[Finding]) -> list[Severity]:
    return [finding.severity for finding in findings]
