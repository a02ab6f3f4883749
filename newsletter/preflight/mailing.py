"""What the mail itself must have: a subject, a way out, an address, a text part, a fit size. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from html import unescape

from newsletter.headers import Headers
from newsletter.links import no_reader_links
from newsletter.mail import SLOT, Content
from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.galley import Galley
from newsletter.preflight.sources import links_in
from newsletter.rendering.joining import LIMIT, SUBJECT
from newsletter.rendering.pieces import Card
from newsletter.rendering.telling import in_a_row
from subscribers.lens import term

#: bytes of html after which Gmail hides the rest
CLIPPED = 102 * 1024
#: more in one subject look like advertising
EMOJI = 2
#: letters; a shorter subject may well be all names: "NVIDIA GTC"
SHOUTED = 12

_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"\salt\s*=", re.IGNORECASE)
_REPLACED_BY = frozenset(no_reader_links(""))


def emptiness(galley: Galley) -> Iterator[Finding]:
    """Somebody is told something."""
    if not galley.tellings:
        remedy = "add or restore a story, or cancel the issue"
        yield Finding("empty mail", Severity.BLOCKING, "issue", "it has no story to tell", remedy)
        return
    reasons: dict[str, list[str | None]] = {}
    for seen in galley.editions:
        if seen.skipped:
            reasons.setdefault(seen.skipped, []).append(seen.audience)
    for reason, audiences in reasons.items():
        words = f"no mail goes to {_readers(audiences)}: {reason}"
        remedy = "pin a story for everybody, or let these readers wait"
        yield Finding("empty mail", Severity.WARNING, "issue", words, remedy)


def subjects(galley: Galley, cards: Mapping[int, Card], before: Mapping[str, date]) -> Iterator[Finding]:
    """Each subject reads like a newspaper's, whole, and not like one of the last issues.

    `before`: the headlines, as terms, that led the last issues, and when.
    """
    readers: dict[tuple[str, int], list[str | None]] = {}
    for seen, mail in galley.mails:
        readers.setdefault((mail.subject, mail.tellings[0].story_id), []).append(seen.audience)
    for (subject, story_id), audiences in readers.items():
        to = "" if len(audiences) == len(galley.mails) else f", for {_readers(audiences)}"
        for severity, words in _of_subject(subject, cards[story_id].headline, before):
            said = f"“{subject}”{to}: {words}"
            yield Finding("subject", severity, "subject", said, "rewrite the headline of the story", story_id)


def _of_subject(subject: str, headline: str, before: Mapping[str, date]) -> Iterator[tuple[Severity, str]]:
    if not any(map(str.isalnum, subject)):
        yield Severity.BLOCKING, "it has no words"
    if len(headline) > SUBJECT:
        yield Severity.WARNING, f"its end is cut off, since it has more than {SUBJECT} characters"
    letters = [letter for letter in subject if letter.lower() != letter.upper()]
    if len(letters) >= SHOUTED and sum(map(str.isupper, letters)) > 0.8 * len(letters):
        yield Severity.WARNING, "it is all in capitals"
    if sum(unicodedata.category(letter) == "So" for letter in subject) > EMOJI:
        yield Severity.WARNING, "so many pictures look like advertising"
    if day := before.get(term(headline)):
        yield Severity.WARNING, f"the issue of {day} had the same"


def sizes(galley: Galley) -> Iterator[Finding]:
    """Every edition stays within what mailboxes show."""
    for seen, mail in galley.mails:
        where, told = f"edition for {_readers([seen.audience])}", f"{mail.size_bytes / 1024:.0f} KiB"
        remedy = "shorten its first story: notes, TL;DR, or drop it"
        if mail.size_bytes > CLIPPED:
            words = f"it has {told}: Gmail hides what comes after {CLIPPED // 1024} KiB"
            yield Finding("size", Severity.BLOCKING, where, words, remedy)
        elif mail.size_bytes > LIMIT:
            words = f"it has {told}, more than the {LIMIT // 1024} KiB that leave room for long links"
            yield Finding("size", Severity.WARNING, where, words, remedy)
        if seen.left_out:
            words = f"its last {seen.left_out} stories are left out to keep it below {LIMIT // 1024} KiB"
            yield Finding("size", Severity.WARNING, where, words, "drop or shorten others")


def way_out(content: Content, headers: Headers, *, leaves: bool) -> Iterator[Finding]:
    """Each mail can be ended, by a link in both parts and by the mailbox's own button (RFC 8058 §3.1).

    `leaves`: it goes to real mailboxes.
    """
    for part, text in (("html", content.html), ("text", content.text)):
        if "@@unsubscribe_url@@" not in text:
            words = f"the {part} part has no link to unsubscribe"
            remedy = "put @@unsubscribe_url@@ back into the template of the digest"
            yield Finding("unsubscribe", Severity.BLOCKING, "mail", words, remedy)
    said = dict(headers)
    url = said.get("List-Unsubscribe", "").strip("<>")
    if not url or said.get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click":
        words = "the headers List-Unsubscribe and List-Unsubscribe-Post are missing"
        remedy = "without them large mailboxes refuse newsletters: mend newsletter/headers.py"
        yield Finding("unsubscribe", Severity.BLOCKING, "mail", words, remedy)
    elif leaves and not url.startswith("https://"):
        words = "mailboxes offer their own button to unsubscribe only where it leads to https"
        yield Finding("unsubscribe", Severity.WARNING, "mail", words, "set PUBLIC_URL to an https address")


def postal_address(content: Content, address: str | None, *, leaves: bool) -> Iterator[Finding]:
    """A postal address stands in both parts (15 U.S.C. 7704(a)(5)(A)(iii))."""
    remedy = "set POSTAL_ADDRESS"
    if address is None:
        severity = Severity.BLOCKING if leaves else Severity.WARNING
        words = "no postal address is set, and no mail may leave this machine without one"
        yield Finding("postal address", severity, "mail", words, remedy)
        return
    for part, text in (("html", unescape(content.html)), ("text", content.text)):
        if _solid(address) not in _solid(text):
            words, remedy = f"the {part} part lacks the postal address", "put it back into the template"
            yield Finding("postal address", Severity.BLOCKING, "mail", words, remedy)


def unfilled(content: Content) -> Iterator[Finding]:
    """No slot stays open in a mail."""
    names = {name for part in (content.subject, content.html, content.text) for name in SLOT.findall(part)}
    for name in sorted(names - _REPLACED_BY):
        words = f"nothing fills the slot @@{name}@@"
        remedy = "take it out of the template, or fill it"
        yield Finding("leftovers", Severity.BLOCKING, "mail", words, remedy)


def images(html: str) -> Iterator[Finding]:
    """Every image says what it shows, or that it shows nothing (WCAG 2.2 §1.1.1)."""
    nameless = [tag for tag in _IMAGE.findall(html) if not _ALT.search(tag)]
    if nameless:
        words = f"{len(nameless)} images have no alternative text"
        yield Finding("images", Severity.WARNING, "mail", words, 'give each an alt="…" in the template')


def text_part(story_id: int, card: Card) -> Iterator[Finding]:
    """Whoever reads the text part reads the whole story: headline, TL;DR, a link."""
    text = _solid(card.text)
    if _solid(card.headline) not in text or not text:
        remedy = "mend the templates parts/*.txt"
        words = "the text part does not tell it"
        yield Finding("text part", Severity.BLOCKING, "text part", words, remedy, story_id)
        return
    missing = []
    if _solid(card.lead).rstrip("…") not in text:
        missing.append("TL;DR")
    urls = links_in(card.html)
    if urls and not any(url in card.text for url in urls):
        missing.append("link")
    if missing:
        words = f"the text part tells it without its {in_a_row(missing)}"
        remedy = "mend the templates parts/*.txt"
        yield Finding("text part", Severity.WARNING, "text part", words, remedy, story_id)


def _solid(text: str) -> str:
    """Without any white space, since lines of the text part break anywhere."""
    return "".join(text.split())


def _readers(audiences: Iterable[str | None]) -> str:
    return in_a_row(audience or "readers who chose no audience" for audience in audiences)
