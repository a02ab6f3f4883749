"""The renderer: stories and templates in, compiled pieces and mails out. Jinja first, MJML second.

A card is compiled inside the shell's frame and cut out of it; that everything around it stayed the
same, byte for byte, is the proof that joined pieces equal a mail compiled as a whole.
"""

import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from traceback import extract_tb

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)

from newsletter.content import StoryContent
from newsletter.links import CONFIRM_LIFE, CountedLinks
from newsletter.mail import Content
from newsletter.rendering.compiling import to_html
from newsletter.rendering.dates import in_words
from newsletter.rendering.joining import SUBJECT, counts, in_line, preheader
from newsletter.rendering.pieces import BLOCK, SLOT, AlertShell, Card, Form, Shell
from newsletter.rendering.telling import Story, Telling, in_a_row, paragraphs, tell
from newsletter.rendering.typesetting import clean, cut, wrap

#: cards kept in memory, about 10 kB each: those of an issue and its previews
REMEMBERED = 4_096

# Stands on both sides of what is cut out of a frame; like the marks of `pieces` in no text.
_EDGE = "\ufdd4"
# Stands for a slot within an attribute, where the compiler would spell its marks out.
_IN_LINK = "@@edition@@"
# Their cards stand as lines in a part of the mail below all others.
_LISTED = tuple(f"parts/{form}.mjml" for form in (Form.FOLD, Form.LINE))
# What Python raises while a template runs and asks for what is not there.
_FAULTS_IN_TEMPLATES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_BLANK_LINES = re.compile(f"[\n{BLOCK}]*\n{{2,}}")


class RenderError(Exception):
    """A template fails, so nothing can be rendered with it until it is mended."""

    def __init__(self, template: str, detail: str, line: int | None = None) -> None:
        self.template = template
        self.detail = detail
        self.line = line
        where = template if line is None else f"{template}, line {line}"
        super().__init__(f"{where}: {detail}")


class Renderer:
    """Renders mails from the folder `templates`. Stories are data to them, never source."""

    def __init__(
        self,
        templates: Path,
        *,
        site_name: str,
        site_url: str,
        postal_address: str,
        counted_links: CountedLinks | None = None,
    ) -> None:
        #: by which the links of a newsletter lead that counts them; only an approval needs them
        self.counted_links = counted_links
        self._templates = templates
        self._site = {"site_name": site_name, "site_url": site_url, "postal_address": postal_address}
        self._jinja = Environment(
            loader=FileSystemLoader(templates),
            autoescape=select_autoescape(disabled_extensions=["txt"], default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters["wrap"] = wrap
        self._jinja.globals |= self._site
        self._made = lru_cache(REMEMBERED)(self._make_card)

    @cached_property
    def version(self) -> str:
        """Equal as long as equal stories make equal pieces; 32 hexadecimal digits."""
        digest = hashlib.blake2b(digest_size=16)
        for path in sorted(self._templates.rglob("*")):
            if path.is_file():
                digest.update(f"{path.relative_to(self._templates)}\n".encode() + path.read_bytes())
        engines = [version(name) for name in ("jinja2", "markdown-it-py", "mjml-python")]
        digest.update(repr((engines, sorted(self._site.items()))).encode())
        return digest.hexdigest()

    def card(
        self,
        content: StoryContent,
        form: Form,
        *,
        headline: str | None = None,
        tldr: str | None = None,
        note: str | None = None,
        story_id: int | None = None,
        retracts: bool = False,
    ) -> Card:
        """The story as a card, with the editor's headline, TL;DR and note; made once and remembered.

        With its number, the card has a link by which readers ask for less like it; the note of a
        correction says what is right. Raises RenderError when a template fails.
        """
        return self._made(Telling(content, form, headline, note, (), (), story_id, tldr, retracts))

    def _make_card(self, telling: Telling) -> Card:
        story = tell(telling)
        slots = _slots("because", "changes")
        parts = self._row(story, "mjml"), self._card(story, "mjml", slots)
        row_html, html = self._cut_out(*parts, template=f"parts/{story.form}.mjml")
        return Card(
            html=html,
            text=self._card(story, "txt", slots),
            row_html=row_html,
            row_text=self._row(story, "txt"),
            headline=story.title,
            lead=story.lead,
            outlet_terms=story.outlet_terms,
            words=story.words,
        )

    def shell(
        self, *, newsletter: str, description: str, date: datetime.date, intro: str | None = None
    ) -> Shell:
        """All of an issue's mail but its stories. Raises RenderError when a template fails."""
        slots = _slots("preheader", "edition", "counts", "rows", "cards", "folds", "lines")
        about = self._about(newsletter, description, date, intro) | slots
        in_html = {"cards": _raw(slots["cards"]), "edition": _IN_LINK}
        html = self._compile("digest/body.mjml", about | in_html).replace(_IN_LINK, slots["edition"])
        return Shell(html, self._text("digest/body.txt", about))

    def alert_shell(self, *, newsletter: str, description: str) -> AlertShell:
        """All of an alert's mail but its stories. Raises RenderError when a template fails."""
        of_rule = ("rule", "words", "others", "editors", "met", "stories")
        slots = _slots("preheader", "heading", "rules", "cards", *of_rule)
        about = slots | {"newsletter": newsletter, "description": description, "title": newsletter}
        in_html = {"cards": _raw(slots["cards"]), "rule": _IN_LINK}
        in_html["rules"] = _EDGE + self._render("parts/rule.mjml", about | in_html).strip("\n") + _EDGE
        html = self._compile("alert/body.mjml", about | in_html).replace(_IN_LINK, slots["rule"])
        before, rule, after = html.split(_EDGE)
        text, rule_text = self._text("alert/body.txt", about), self._render("parts/rule.txt", about)
        return AlertShell(before + slots["rules"] + after, text, rule, rule_text.strip("\n"))

    def subject(self, headlines: Sequence[str], *, newsletter: str, date: datetime.date) -> str:
        """The subject: one line of at most 78 characters, the lead story first."""
        values = {"headlines": [*map(clean, headlines)], "newsletter": newsletter, "date": in_words(date)}
        return cut(clean(self._render("digest/subject.txt", values)), SUBJECT)

    def whole(
        self,
        tellings: Sequence[Telling],
        *,
        newsletter: str,
        description: str,
        date: datetime.date,
        subject: str,
        intro: str | None = None,
        corrections: Sequence[Telling] = (),
        folds: Sequence[Telling] = (),
        lines: Sequence[Telling] = (),
        edition: str = "",
    ) -> Content:
        """What `join` gives for the same stories, compiled as one document.

        A hundred times slower: the reference by which joined mails are proved.
        """
        told = [
            (tell(one), {"because": in_line(one.because), "changes": in_line(one.changes), "block": ""})
            for one in (*corrections, *tellings, *folds, *lines)
        ]
        above, below = len(corrections) + len(tellings), len(told) - len(lines)
        stories = [story for story, _ in told[len(corrections) : above]]
        outlets = {term for story in stories for term in story.outlet_terms}
        about = self._about(newsletter, description, date, intro) | {
            "preheader": preheader([s.lead for s in stories], [s.title for s in stories]),
            "counts": counts(len(stories), len(outlets), sum(s.words for s in stories)),
            "edition": edition,
            "block": "",
        }

        def parts(kind: str) -> dict[str, str]:
            rows = [self._row(story, kind) for story in stories]
            cards = [self._card(story, kind, values) for story, values in told]
            return {
                "rows": "\n".join(rows) if len(rows) > 1 else "",
                "cards": "\n\n".join(cards[:above]),
                "folds": "\n\n".join(cards[above:below]),
                "lines": "\n\n".join(cards[below:]),
            }

        return Content(
            subject,
            self._compile("digest/body.mjml", about | parts("mjml")),
            self._text("digest/body.txt", about | parts("txt")),
        )

    def confirmation(self, *, newsletters: Sequence[str]) -> Content:
        """The mail that asks whether its reader wants `newsletters`; `@@confirm_url@@` says yes.

        Nothing that was typed into a form is in it: the address may be a stranger's.
        """
        return self.letter("confirmation", newsletters=in_a_row(newsletters), days=CONFIRM_LIFE.days)

    def letter(self, name: str, **values: object) -> Content:
        """The mail of the templates in the folder `name`, which see `values`."""
        return Content(
            cut(clean(self._render(f"{name}/subject.txt", values)), SUBJECT),
            self._compile(f"{name}/body.mjml", values),
            self._text(f"{name}/body.txt", values),
        )

    def _about(
        self, newsletter: str, description: str, date: datetime.date, intro: str | None = None
    ) -> dict[str, object]:
        day = in_words(date, weekday=True)
        # the compiler writes the title into an attribute too, and escapes unusual blanks there
        title = f"{newsletter}, {day}".replace("\u00a0", " ")
        return {
            "newsletter": newsletter,
            "description": description,
            "date": day,
            "title": title,
            "intro": paragraphs(intro),
        }

    def _row(self, story: Story, kind: str) -> str:
        return self._render(f"parts/row.{kind}", {"story": story, **_slots("facts")}).strip("\n")

    def _card(self, story: Story, kind: str, values: Mapping[str, str]) -> str:
        render = self._text if kind == "txt" else self._render
        return render(f"parts/{story.form}.{kind}", {"story": story, **values})

    def _cut_out(self, row: str, card: str, *, template: str) -> tuple[str, str]:
        """The compiled row and card; RenderError if they change anything outside themselves."""
        is_listed = template in _LISTED
        framed = self._framed(row, "" if is_listed else card, card if is_listed else "", template)
        if framed[::2] != self._frame:
            raise RenderError(template, "changes the mail around it; use mj-section, one mj-column, mj-text")
        return framed[1], framed[5 if is_listed else 3]

    @cached_property
    def _frame(self) -> list[str]:
        return self._framed("", "", "", "digest/body.mjml")[::2]

    def _framed(self, row: str, card: str, line: str, template: str) -> list[str]:
        """The digest around a row of its contents, a card and a line, and those at the odd places."""
        empty = dict.fromkeys(("preheader", "edition", "counts", "folds", "block"), "")
        about = self._about("", "", datetime.date.min) | empty
        parts = {"rows": _EDGE + row + _EDGE, "cards": _raw(_EDGE) + card + _raw(_EDGE)}
        parts["lines"] = _EDGE + line + _EDGE
        return self._compile("digest/body.mjml", about | parts, of=template).split(_EDGE)

    def _compile(self, template: str, values: Mapping[str, object], *, of: str = "") -> str:
        """The html of a rendered template; a fault is put down to the template `of`."""
        try:
            return to_html(self._render(template, values))
        except ValueError as error:
            raise RenderError(of or template, str(error)) from None

    def _text(self, template: str, values: Mapping[str, object]) -> str:
        """The rendered text, with single blank lines only; they belong to the block that follows."""
        return _BLANK_LINES.sub(
            lambda gap: BLOCK * gap[0].count(BLOCK) + "\n\n", self._render(template, values)
        )

    def _render(self, template: str, values: Mapping[str, object]) -> str:
        try:
            return self._jinja.get_template(template).render(values)
        except TemplateSyntaxError as error:
            raise RenderError(error.name or template, error.message or "", error.lineno) from None
        except (TemplateError, *_FAULTS_IN_TEMPLATES) as error:
            name, line = self._place(error) or (template, None)
            raise RenderError(name, f"{type(error).__name__}: {error}", line) from error

    def _place(self, error: Exception) -> tuple[str, int | None] | None:
        """The template and its line where `error` arose, as Jinja leaves them in the traceback."""
        frames = [(Path(frame.filename), frame.lineno) for frame in extract_tb(error.__traceback__)]
        within = [(path, line) for path, line in frames if path.is_relative_to(self._templates)]
        if not within:
            return None
        path, line = within[-1]
        return str(path.relative_to(self._templates)), line


def _slots(*names: str) -> dict[str, str]:
    return {name: f"{SLOT}{name}{SLOT}" for name in names} | {"block": BLOCK}


def _raw(text: str) -> str:
    return f"<mj-raw>{text}</mj-raw>"
