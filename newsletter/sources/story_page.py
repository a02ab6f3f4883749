"""The site's story page, as text or HTML, to a record of our JSON schema.

The page is read by what it shows: a long date, and sections under labels. Parts that a story may
lack (analysis, impact, companies, badges) may be missing; date, title and coverage may not, so
that half a page is never taken for a whole one.
"""

import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from newsletter.sources.cleaning import distinct, impact_of
from newsletter.sources.dates import long_date
from newsletter.sources.languages import page_language
from newsletter.sources.page import Line, Page
from newsletter.sources.page_companies import read_companies
from newsletter.sources.page_coverage import Coverage, read_coverage
from newsletter.sources.record_json import read_record
from newsletter.sources.records import Incoming, Refusal
from subscribers.lens import term

REMEDY = "save the whole story page, from its category to the last “Read”, and import it again"

_LABELS = {
    "tldr": re.compile(r"tl;?dr", re.IGNORECASE),
    "about": re.compile(r"about this summary", re.IGNORECASE),
    "counts": re.compile(r"\d+ (sources? covering this story|compan(y|ies) mentioned).*", re.IGNORECASE),
    "analysis": re.compile(r"[^.!?]{0,50}\banalysis", re.IGNORECASE),
    "audiences": re.compile(r"who should care\??", re.IGNORECASE),
    "companies": re.compile(r"compan(y|ies) mentioned", re.IGNORECASE),
    "coverage": re.compile(r"coverage sources?", re.IGNORECASE),
}
_COMPANIES_STATED = re.compile(r"(\d+) compan(y|ies)(?= mentioned)", re.IGNORECASE)
_SOURCES_STATED = re.compile(r"(\d+) sources?(?= covering)", re.IGNORECASE)
_OUTLETS = re.compile(r"(\d+) outlets?", re.IGNORECASE)
#: outlets that are counted but not shown
_HIDDEN = re.compile(r"\+ ?(\d+)( more)?", re.IGNORECASE)
_SOURCE = re.compile(r"source:\s*(.*)", re.IGNORECASE)
_ORIGINAL = re.compile(r"read (the )?original\b.*", re.IGNORECASE)
_MADE_FROM = re.compile(r"(?P<label>.*?)\s*from (?P<count>\d+) sources?", re.IGNORECASE)
_TIMELINE = re.compile(r"(?=.*\bagi\b).*\btimelines?\b[^.!?]*", re.IGNORECASE)

Sections = dict[str, list[Line]]


def read_page(page: Page, *, file: str) -> Incoming | Refusal:
    """The story on a page; a Refusal names what the page lacks."""
    sections = _sections(page)
    header = _header(sections.pop("header"))
    if day_fault := header.pop("day_fault", None):
        return Refusal(file, None, f"{day_fault!r} is no day", "correct the date and import the page again")
    impact = _take_impact(sections)
    coverage = read_coverage(sections.get("coverage", []), header.pop("outlets"))
    if lacking := _lacking(header, sections, coverage):
        return Refusal(file, None, f"not a whole story page: it lacks {', '.join(lacking)}", REMEDY)
    companies = read_companies(sections.get("companies", []))
    if lost := _lost(sections.get("counts", []), companies, coverage):
        return Refusal(file, None, f"the page says {lost}", REMEDY)
    record = header | {
        "id": page.address or _derived_id(header["date"], header["title"]),
        "url": page.address,
        "language": page_language(page.language, header["title"]),
        "tldr": _tldr(sections.get("tldr", [])),
        "about": _paragraphs(line.text for line in sections.get("about", [])),
        "analysis": _analysis(sections.get("analysis", [])),
        "impact_label": impact,
        "who_should_care": _audiences(sections.get("audiences", [])),
        "companies": companies,
        "coverage": coverage.reports,
    }
    return read_record(record, file=file)


def _lacking(header: dict[str, Any], sections: Sections, coverage: Coverage) -> list[str]:
    lacking = [name for name in ("date", "title") if not header.get(name)]
    if "coverage" not in sections:
        lacking.append("the section “Coverage Sources”")
    elif coverage.missing:
        lacking.append(f"the reports of {', '.join(coverage.missing)}")
    elif not coverage.reports:
        lacking.append("the reports under “Coverage Sources”")
    return lacking


def _lost(counts: list[Line], companies: list[dict[str, Any]], coverage: Coverage) -> str | None:
    """What the page counts and does not show: "3 companies, 2 were found: …"."""
    text = "\n".join(line.text for line in counts)
    shown = (
        (_COMPANIES_STATED, distinct(company["name"] for company in companies)),
        (_SOURCES_STATED, [report["outlet"] for report in coverage.reports]),
    )
    faults = [
        f"{stated[0]}, {_found(names)}"
        for pattern, names in shown
        if (stated := pattern.search(text)) and int(stated[1]) > len(names)
    ]
    return "; ".join(faults) or None


def _found(names: Sequence[str]) -> str:
    if not names:
        return "none was found"
    return f"{len(names)} {'was' if len(names) == 1 else 'were'} found: {', '.join(names)}"


def _derived_id(day: str, title: str) -> str:
    digest = hashlib.blake2b(term(title).encode("utf-8", "replace"), digest_size=6).hexdigest()
    return f"page-{day}-{digest}"


def _sections(page: Page) -> Sections:
    """The lines under each label. The lines before the first one are the header."""
    sections: Sections = {"header": []}
    current = sections["header"]
    for line in page.lines:
        name, rest = _label(line, sections)
        if name:
            current = sections.setdefault(name, [])
        if rest:
            current.append(rest)
    return sections


def _label(line: Line, seen: Sections) -> tuple[str | None, Line | None]:
    """The section that the line opens, and what of the line belongs into it."""
    for name, pattern in _LABELS.items():
        if name == "analysis" and ("tldr" not in seen or name in seen):
            continue
        if pattern.fullmatch(line.text.rstrip(": ")):
            return name, line if name in ("analysis", "counts") else None
        if len(line.pieces) > 1 and pattern.fullmatch(line.pieces[0].text):
            rest = line.pieces[1:] if name != "counts" else line.pieces
            text = " ".join(piece.text for piece in rest)
            return name, Line(text, text, rest)
    return None, line


def _header(lines: list[Line]) -> dict[str, Any]:
    """Category, outlets, date, title, primary source: what stands above the TL;DR."""
    title = _title(lines)
    pieces = [piece for line in lines if line is not title for piece in line.pieces]
    dates = [(at, found) for at, piece in enumerate(pieces) if (found := long_date(piece.text))]
    read: dict[str, Any] = {"title": title.text if title else None}
    if dates and isinstance(dates[0][1], date):
        read["date"] = dates[0][1].isoformat()
    elif dates:
        read["day_fault"] = dates[0][1]
    read |= _category_and_outlets([piece.text for piece in pieces], dates[0][0] if dates else 0)
    for at, piece in enumerate(pieces):
        if source := _SOURCE.fullmatch(piece.text):
            following = [later.text for later in pieces[at + 1 : at + 2]]
            read["primary_source"] = {"outlet": source[1] or "".join(following)}
        elif _ORIGINAL.fullmatch(piece.text) and "primary_source" in read:
            read["primary_source"]["url"] = piece.link
    return read


def _title(lines: list[Line]) -> Line | None:
    """The last first-level heading, or else the line after the date."""
    texts = [line for line in lines if line.text]
    if headings := [line for line in texts if line.heading == 1]:
        return headings[-1]
    after = itertools.dropwhile(lambda line: not long_date(line.pieces[-1].text), texts)
    following = next(itertools.islice(after, 1, None), None)
    labelled = following and (_SOURCE.match(following.text) or _ORIGINAL.fullmatch(following.text))
    return None if labelled else following


def _category_and_outlets(texts: list[str], date_at: int) -> dict[str, Any]:
    """As many names as the count says are outlets; what stands before them is the category."""
    counts = [(at, int(found[1])) for at, text in enumerate(texts) if (found := _OUTLETS.fullmatch(text))]
    if not counts:
        return {"category": "".join(texts[: min(date_at, 1)]), "outlets": distinct(texts[1:date_at])}
    at, count = counts[0]
    hidden = [found for text in texts[:at] if (found := _HIDDEN.fullmatch(text))]
    names = distinct(text for text in texts[:at] if not _HIDDEN.fullmatch(text))
    first = max(len(names) - count + sum(int(found[1]) for found in hidden), 0)
    return {"category": "".join(names[:first][-1:]), "outlets": names[first:]}


def _tldr(lines: list[Line]) -> dict[str, Any] | None:
    """Lines before the text that say who made it, and from how many sources."""
    lines = list(lines)
    label: list[str] = []
    texts = [line for line in lines if line.text]
    while len(texts) > 1 and len(texts[0].text) <= 60 and not re.search(r"[.!?。]$", texts[0].text):
        label.append(texts[0].text)
        lines = lines[lines.index(texts.pop(0)) + 1 :]
    made = _MADE_FROM.fullmatch(" ".join(label))
    return {
        "text": _paragraphs(line.text for line in lines),
        "label": made["label"] if made else " ".join(label),
        "source_count": int(made["count"]) if made else None,
    }


def _analysis(lines: list[Line]) -> dict[str, Any] | None:
    if not lines:
        return None
    return {"heading": lines[0].text, "markdown": _paragraphs(line.markdown for line in lines[1:])}


def _paragraphs(lines: Iterable[str]) -> str:
    """The lines as text; where a copied page has lost its empty lines, each is a paragraph."""
    text = "\n".join(lines).strip("\n")
    return text if "\n\n" in text else text.replace("\n", "\n\n")


def _audiences(lines: list[Line]) -> list[str]:
    """ "InvestorsResearchers" are two, where nothing else parts them."""
    texts = [text for line in lines for piece in line.pieces for text in re.split(r"[|,;·•]", piece.text)]
    return texts if len(texts) > 1 else re.split(r"(?<=[a-z)])(?=[A-Z])", "".join(texts))


def _take_impact(sections: Sections) -> str | None:
    """The label on the AGI timeline: a line of its own, or the last short one under the analysis."""
    for name in ("analysis", "counts", "about", "audiences", "tldr"):
        lines = sections.get(name, [])
        texts = [line for line in lines if line.text]
        for line in reversed(texts):
            if len(line.text) <= 80 and _TIMELINE.fullmatch(line.text):
                lines.remove(line)
                return line.text
        last = texts[-1].text if texts else ""
        if name in ("analysis", "counts") and len(last) <= 40 and last[-1:].isalpha() and impact_of(last):
            lines.remove(texts[-1])
            return last
    return None
