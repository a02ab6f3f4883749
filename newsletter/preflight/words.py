"""What a story's words show: leftovers of writing, doubled words, missing parts, stale rewritings. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from newsletter.preflight.findings import Finding, Severity
from newsletter.rendering.telling import Story, Telling
from subscribers.lens import term

#: each is something that no finished text holds; what only looks like it is let pass
_LEFTOVERS = (
    # "to come", unless it is somebody's initials or a brand
    re.compile(r"(?<![\w.&-])TK(?:TK)*(?![\w&-])(?!\s+[A-Z0-9])"),
    re.compile(r"\b(?:TODO|FIXME)\b(?=\s*(?::|\]|\)|$))|[\[(]\s*(?:TODO|FIXME)\b", re.MULTILINE),
    re.compile(r"lorem ipsum|dolor sit amet", re.IGNORECASE),
    re.compile(r"\{\{[^{}\n]{0,60}\}\}|\{%[^{}\n]{0,60}%\}|\*\|\w+\|\*|%%\w+%%|\$\{\w+\}"),
    re.compile(r"@@\w+@@"),
    re.compile(
        r"[\[<]\s*(?:insert|placeholder|tbd|tbc|tk|to come|(?:head)?line here|(?:link|text|name) here)\b"
        r"[^\]>\n]{0,60}[\]>](?!\()",
        re.IGNORECASE,
    ),
)
#: two of these in a row are a slip; "had had" and "that that" may be meant
_DOUBLED = re.compile(
    r"\b(the|a|an|of|to|and|for|with|at|by|from|as|are|was|it|this|its|or|be|has|have|will|we|they|their|which)"
    r"\s+\1\b",
    re.IGNORECASE,
)
#: the parts of a whole story
PARTS = ("TL;DR", "analysis", "coverage", "link")
#: fewer stories are spoken of one by one
SEVERAL = 3
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def texts(telling: Telling) -> Iterator[tuple[str, str]]:
    """Each text that the mail tells of the story, by the name of its place; without what is code."""
    content = telling.content
    yield "headline", telling.headline or content.title
    if tldr := tldr_of(telling):
        yield "TL;DR", _CODE.sub(" ", tldr)
    if telling.note:
        yield "editor’s note", telling.note
    if content.analysis:
        yield "analysis", _CODE.sub(" ", f"{content.analysis.heading}\n{content.analysis.markdown}")
    if content.about:
        yield "about this summary", content.about


def tldr_of(telling: Telling) -> str | None:
    """The TL;DR as this issue tells it."""
    return telling.tldr or (telling.content.tldr.text if telling.content.tldr else None)


def leftovers(telling: Telling) -> Iterator[Finding]:
    """Placeholders, and slots that nobody filled."""
    for where, text in texts(telling):
        for words in leftovers_in(text):
            remedy = "write what belongs there, or drop the story"
            yield Finding("leftovers", Severity.BLOCKING, where, words, remedy, telling.story_id)


def leftovers_in(text: str) -> Iterator[str]:
    """A sentence for each leftover in one text."""
    for pattern in _LEFTOVERS:
        if found := pattern.search(text):
            yield f"it still holds “{found[0].strip()}”"


def doubled(telling: Telling) -> Iterator[Finding]:
    """The same small word twice."""
    for where, text in texts(telling):
        if found := _DOUBLED.search(text):
            words = f"“{' '.join(found[0].split())}” stands there twice"
            yield Finding("doubled words", Severity.WARNING, where, words, "take one away", telling.story_id)


def empty_parts(lacking: Mapping[int, Sequence[str]]) -> Iterator[Finding]:
    """What a whole story has and these lack, by story; what most of them lack is said once."""
    several = len(lacking) >= SEVERAL
    numbers = Counter(part for parts in lacking.values() for part in parts)
    everywhere = {part for part in PARTS if several and 2 * numbers[part] > len(lacking)}
    for part in PARTS:
        if part in everywhere:
            words = f"{numbers[part]} of the {len(lacking)} stories have no {part}"
            remedy = "let it pass, or look whether their source still works"
            yield Finding("empty parts", Severity.WARNING, "stories", words, remedy)
    for story_id, parts in lacking.items():
        if missing := [part for part in parts if part not in everywhere]:
            words = f"it has no {' and no '.join(missing)}"
            remedy = "write a TL;DR for this issue" if "TL;DR" in missing else "let it pass, or drop it"
            yield Finding("empty parts", Severity.WARNING, "story", words, remedy, story_id)


def lacks(story: Story) -> tuple[str, ...]:
    """The parts that the story has not."""
    followable = story.url or any(row.url for row in story.coverage.rows)
    has = {
        "TL;DR": bool(story.tldr),
        "analysis": bool(story.analysis),
        "coverage": bool(story.coverage.rows),
        "link": bool(followable),
    }
    return tuple(part for part in PARTS if not has[part])


def rewritings(telling: Telling) -> Iterator[Finding]:
    """Editors' words that say nothing, or what the story says anyway."""
    content = telling.content
    written = {
        "headline": (telling.headline, content.title),
        "TL;DR": (telling.tldr, content.tldr.text if content.tldr else ""),
        "editor’s note": (telling.note, ""),
    }
    for where, (own, original) in written.items():
        if own is None:
            continue
        if not any(map(str.isalnum, own)):
            words, remedy = f"the editor’s {where.removeprefix('editor’s ')} has no words", "take it away"
            severity = Severity.BLOCKING if where == "headline" else Severity.WARNING
            yield Finding("rewritings", severity, where, words, remedy, telling.story_id)
        elif term(own) == term(original):
            words = "it is marked as edited, but says what the story says"
            yield Finding("rewritings", Severity.WARNING, where, words, "take it away", telling.story_id)
