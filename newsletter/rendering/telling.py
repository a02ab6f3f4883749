"""How one story is told: from its content to the plain values that the card templates show. Pure.

Here all texts are cleaned, shortened and isolated; templates only decide where they stand and how
they look.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from newsletter.content import Company, Impact, Maker, StoryContent, Tldr
from newsletter.rendering.coverage import Coverage
from newsletter.rendering.dates import in_words, partly_in_words
from newsletter.rendering.pieces import Form
from newsletter.rendering.prose import Node, isolated, lines, parse, unnumbered
from newsletter.rendering.typesetting import (
    Direction,
    clean,
    count_words,
    cut,
    direction_of,
    first_strong,
    isolate,
    language_tag,
    shorten,
)
from newsletter.rendering.urls import fit
from subscribers.lens import term

#: in words: what stays of a longer TL;DR in a card, by its form; a correction has none
TLDR_WORDS = {Form.FULL: 120, Form.UPDATE: 120, Form.ALERT: 120, Form.COMPACT: 60, Form.ALSO: 60}
ABOUT_WORDS = 60
#: in characters; few come near
TITLE, SHORT_TITLE, NAME, NOTE = 250, 110, 80, 1_500
PREHEADER = 140


@dataclass(frozen=True)
class Telling:
    """A story, and how an edition tells it."""

    content: StoryContent
    form: Form = Form.FULL
    #: the editor's own
    headline: str | None = None
    note: str | None = None
    #: why its readers see it and, in an update, what is new since they were told
    because: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    #: by which its readers can ask for less of it; without it, nothing offers that
    story_id: int | None = None
    #: the editor's own, in place of the story's
    tldr: str | None = None
    #: a correction, whose `note` says what is right, takes back the whole story
    retracts: bool = False


@dataclass(frozen=True)
class Summary:
    paragraphs: tuple[str, ...]
    made_by: Maker
    source_count: int | None
    #: the editors wrote it anew for this issue
    edited: bool
    lang: str
    direction: Direction


@dataclass(frozen=True)
class Story:
    """What a card shows of a story. Every text is clean; what is empty is left out."""

    form: Form
    id: int | None
    title: str
    #: for the contents, where long ones would push the first story off the screen
    short_title: str
    lang: str
    direction: Direction
    category: str
    date: str
    #: its own page on the site, where there is one
    url: str | None
    note: tuple[str, ...]
    tldr: Summary | None
    impact: Impact | None
    #: "investors, researchers and engineers"
    audiences: str
    analysis_heading: str
    analysis: tuple[Node, ...]
    #: the analysis as text, paragraph by paragraph, each with the mark before it
    paragraphs: tuple[tuple[str, str], ...]
    companies: tuple[str, ...]
    coverage: Coverage
    about: str
    #: the site writes it in its own language, whatever that of the story
    about_direction: Direction
    outlet_terms: tuple[str, ...]
    retracts: bool

    @property
    def start(self) -> str:
        return "left" if self.direction == "ltr" else "right"

    @property
    def link(self) -> str | None:
        """Where it can be read: its own page, else the first report that has a link."""
        return self.url or next((row.url for row in self.coverage.rows if row.url), None)

    @property
    def lead(self) -> str:
        return cut(" ".join(self.tldr.paragraphs), PREHEADER) if self.tldr else ""

    @property
    def words(self) -> int:
        tldr = self.tldr.paragraphs if self.tldr else ()
        texts = (self.title, *self.note, *tldr, *(text for _, text in self.paragraphs))
        return sum(map(count_words, texts))


def tell(telling: Telling) -> Story:
    """What a card of this story shows."""
    content = telling.content
    direction = direction_of(content.language)
    coverage = Coverage(content)
    about = shorten(clean(content.about or ""), ABOUT_WORDS)
    about_direction = first_strong(about, direction)
    analysis: tuple[Node, ...] = ()
    if content.analysis and telling.form is Form.FULL:
        analysis = parse(content.analysis.markdown, coverage.cite)
    return Story(
        form=telling.form,
        id=telling.story_id,
        title=_line(telling.headline or content.title, TITLE, direction),
        short_title=_line(telling.headline or content.title, SHORT_TITLE, direction),
        lang=language_tag(content.language),
        direction=direction,
        category=_line(content.category, NAME),
        date=in_words(content.date),
        url=fit(content.url),
        note=paragraphs(telling.note),
        tldr=_summary(telling, TLDR_WORDS.get(telling.form, 0)),
        impact=content.impact,
        audiences=in_a_row(map(_audience, content.audiences)),
        analysis_heading=_line(content.analysis.heading if content.analysis else None, NAME, direction),
        analysis=isolated(analysis, direction),
        paragraphs=tuple((mark, isolate(text, direction)) for mark, text in lines(analysis)),
        companies=tuple(isolate(_company(company)) for company in content.companies),
        coverage=coverage,
        about=isolate(about, about_direction),
        about_direction=about_direction,
        outlet_terms=tuple(map(term, content.outlets)),
        retracts=telling.retracts,
    )


def in_a_row(names: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = [*names] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _summary(telling: Telling, words: int) -> Summary | None:
    """The TL;DR as plain paragraphs: sources write them in Markdown, and long."""
    content, tldr = telling.content, telling.content.tldr
    if telling.tldr is not None:
        tldr = replace(tldr or Tldr(""), text=telling.tldr)
    if tldr is None or not words:
        return None
    language = tldr.language or content.language
    told = "\n".join(mark + text for mark, text in lines(parse(tldr.text, unnumbered)))
    text = shorten(told, words)
    if not text:
        return None
    return Summary(
        tuple(isolate(line, direction_of(language)) for line in text.split("\n")),
        tldr.made_by,
        tldr.source_count,
        telling.tldr is not None,
        language_tag(language),
        direction_of(language),
    )


def _line(text: str | None, limit: int, direction: Direction = "ltr") -> str:
    return isolate(cut(clean(text or ""), limit), direction)


def paragraphs(words: str | None) -> tuple[str, ...]:
    """An editor's plain words, line by line."""
    lines = cut(words or "", NOTE).splitlines()
    return tuple(filter(None, (_line(line, NOTE) for line in lines)))


def _audience(name: str) -> str:
    """`Investors` within a sentence; `AI labs` stay as they are."""
    name = _line(name, NAME)
    return name[:1].lower() + name[1:] if name[1:].islower() else name


def _company(company: Company) -> str:
    """One line on a company; what is unknown is left out."""
    valuation = company.valuation and f"valuation {company.valuation}"
    if valuation and company.valuation_as_of:
        valuation += f" (as of {partly_in_words(company.valuation_as_of)})"
    parts = (company.name, company.type, company.country, valuation)
    return " · ".join(cut(clean(part), NAME) for part in parts if part)
