"""The coverage of a story as a numbered list, to which the analysis' citations lead. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from newsletter.content import Article, StoryContent
from newsletter.rendering import urls
from newsletter.rendering.typesetting import clean, cut, direction_of, isolate, language_name, language_tag
from subscribers.lens import term

#: how many reports a card lists; the rest are counted
LONGEST = 12


@dataclass
class Row:
    number: int
    outlet: str
    #: the language of the report: its tag, and its name in English words where known
    lang: str
    language: str | None
    url: str | None
    #: the report that the story goes back to
    original: bool
    #: other pages of the outlet that the analysis cites
    further: list[str]


class Coverage:
    """The rows of a story's coverage.

    A citation leads to the row with the same page, else to the row of the same outlet, else to a
    new row among `cited`. A row without a link takes that of the citation.
    """

    def __init__(self, content: StoryContent) -> None:
        self._content = content
        self._direction = direction_of(content.language)
        articles = _with_primary(content)
        self.rows = [self._row(number, article) for number, article in enumerate(articles[:LONGEST], 1)]
        self.cited: list[Row] = []
        self._hidden: Sequence[Article] = articles[LONGEST:]

    @property
    def hidden(self) -> int:
        """How many reports are not listed."""
        return len(self._hidden)

    def cite(self, url: str) -> int:
        """The number of the row for the page at `url`, a fit link."""
        listed = [*self.rows, *self.cited]
        for row in listed:
            if any(urls.page(known) == urls.page(url) for known in _urls(row)):
                return row.number
        for row in listed:
            known_site = any(urls.same_outlet(known, url) for known in _urls(row))
            if known_site or urls.belongs_to(url, row.outlet):
                if row.url:
                    row.further.append(url)
                else:
                    row.url = url
                return row.number
        self.cited.append(self._cited(url, number=len(listed) + 1))
        return len(listed) + 1

    def _row(self, number: int, article: Article) -> Row:
        language = article.language or self._content.language
        return Row(
            number,
            outlet=isolate(cut(clean(article.outlet), 80), self._direction),
            lang=language_tag(language),
            language=language_name(language),
            url=urls.fit(article.url),
            original=_is_primary(article, self._content),
            further=[],
        )

    def _cited(self, url: str, *, number: int) -> Row:
        for article in self._hidden:
            known = urls.fit(article.url)
            if known and urls.page(known) == urls.page(url):
                return self._row(number, article)
        return Row(number, urls.host(url), "und", None, url, original=False, further=[])


def _urls(row: Row) -> list[str]:
    return [row.url, *row.further] if row.url else row.further


def _is_primary(article: Article, content: StoryContent) -> bool:
    original, url = urls.fit(content.primary_url), urls.fit(article.url)
    if original and url:
        return urls.page(original) == urls.page(url)
    return content.primary_outlet is not None and term(content.primary_outlet) == term(article.outlet)


def _with_primary(content: StoryContent) -> list[Article]:
    """The coverage, with the primary source's link filled in, and first where it is not in there."""
    articles = list(content.coverage)
    for place, article in enumerate(articles):
        if _is_primary(article, content):
            if not urls.fit(article.url):
                articles[place] = replace(article, url=content.primary_url)
            return articles
    original = urls.fit(content.primary_url)
    if outlet := content.primary_outlet or (original and urls.host(original)):
        articles.insert(0, Article(outlet, original))
    return articles
