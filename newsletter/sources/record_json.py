"""Stories as JSON: one record, a document of records, or JSONL. The README describes the schema.

Needed are `id`, `title` and `date`; all else may be null or missing, and unknown keys are ignored.
What is merely untidy is mended (entities, white space, links that no mail may hold); what is wrong
is refused by name.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from newsletter.content import Analysis, Article, Company, StoryContent, Tldr
from newsletter.sources.cleaning import (
    distinct,
    impact_of,
    label,
    maker_of,
    markdown,
    one_line,
    prose,
    web_link,
)
from newsletter.sources.dates import as_of
from newsletter.sources.languages import language_by_script, language_tag, tldr_language
from newsletter.sources.records import SAVE_AS_UTF_8, Incoming, Refusal, holds_nul

MAX_TITLE = 500
REMEDY = "correct the record and import it again; the README describes the schema"


def _day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?", value.strip()):
        return date.fromisoformat(value.strip()[:10])
    raise ValueError("is no day: write it as 2026-01-08")


def _instant(value: object) -> object:
    """An instant that cannot be read is no reason to refuse a story."""
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _shortest(value: str) -> str | None:
    return one_line(value) or None


Short = Annotated[str, Field(max_length=200), AfterValidator(_shortest)]
Long = Annotated[str, Field(max_length=100_000)]
Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _as_of(text: str) -> str:
    found = as_of(one_line(text))
    if found is None:
        raise ValueError("write a day, a month or a year: 2026-01-08, 2026-01, 2026")
    return found


class _PrimarySource(_Part):
    outlet: Short | None = None
    url: str | None = None


class _Tldr(_Part):
    text: Long | None = None
    label: str | None = None
    source_count: Annotated[int, Field(ge=0)] | None = None
    language: str | None = None


class _Analysis(_Part):
    heading: Short | None = None
    markdown: Long | None = None


class _Company(_Part):
    name: Short | None = None
    type: Short | None = None
    country: Short | None = None
    valuation: Short | None = None
    valuation_as_of: Annotated[str, AfterValidator(_as_of)] | None = None


class _Report(_Part):
    #: an outlet's key and its link share one index entry, which has a limit
    outlet: Annotated[str, Field(max_length=120), AfterValidator(_shortest)] | None = None
    language: str | None = None
    url: str | None = None
    title: Annotated[str, Field(max_length=2000), AfterValidator(_shortest)] | None = None
    published_at: Instant = None
    kind: str | None = None


class _Record(_Part):
    id: Annotated[str, Field(coerce_numbers_to_str=True, max_length=500), AfterValidator(one_line)]
    title: Annotated[str, AfterValidator(one_line)]
    date: Day
    url: str | None = None
    language: str | None = None
    category: Short | None = None
    outlets: list[Short | None] | None = None
    primary_source: _PrimarySource | None = None
    tldr: _Tldr | None = None
    about: Long | None = None
    analysis: _Analysis | None = None
    impact_label: Short | None = None
    who_should_care: list[Short | None] | None = None
    companies: list[_Company] | None = None
    coverage: list[_Report] | None = None


def read_record(document: object, *, file: str, line: int | None = None) -> Incoming | Refusal:
    """The story in one record, already parsed from JSON."""
    if not isinstance(document, dict):
        return Refusal(file, line, f"{_short(document)} is no record", "write one JSON object for each story")
    try:
        record = _Record.model_validate(document)
    except ValidationError as error:
        return Refusal(file, line, "; ".join(map(_told, error.errors())), REMEDY)
    if not record.id:
        return Refusal(file, line, "id is empty", "give each story a lasting id of its own")
    if not record.title:
        return Refusal(file, line, "title is empty", "give the story a title")
    if len(record.title) > MAX_TITLE:
        reason = f"title has {len(record.title)} characters, at most {MAX_TITLE} are possible"
        return Refusal(file, line, reason, "shorten the title")
    return Incoming(record.id, _content(record), file, line)


def read_document(text: str, *, name: str) -> Iterator[Incoming | Refusal]:
    """The stories of one JSON document: an object, an array of objects, or several in a row.

    What stands before a break in the document is read; the break is one refusal.
    """
    decoder = json.JSONDecoder()
    at, line = _skip(text, 0), 1 + text.count("\n", 0, _skip(text, 0))
    within = text.startswith("[", at)
    if within:
        at += 1
    while (start := _skip(text, at)) < len(text) and not (within and text[start] == "]"):
        line += text.count("\n", at, start)
        try:
            document, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            yield _broken(error, name, line)
            return
        yield read_record(document, file=name, line=line)
        line += text.count("\n", start, at)
    if within and start == len(text):
        yield Refusal(
            name, None, "the array has no end: the file seems cut off", "fetch the whole file again"
        )


def read_lines(lines: Iterable[bytes], *, name: str) -> Iterator[Incoming | Refusal]:
    """The stories of a JSONL file, one a line; empty lines are skipped. Nothing is held in memory."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if b"\0" in line:
            yield holds_nul(name, number)
            continue
        try:
            document = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            yield Refusal(name, number, f"byte {error.start + 1} is not UTF-8", SAVE_AS_UTF_8)
        except (ValueError, RecursionError) as error:
            yield _broken(error, name, number)
        else:
            yield read_record(document, file=name, line=number)


def _skip(text: str, at: int) -> int:
    """The place after white space and the commas between records."""
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _broken(error: Exception, file: str, line: int) -> Refusal:
    reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
    if isinstance(error, json.JSONDecodeError):
        reason = f"{error.msg}, column {error.colno}"
    return Refusal(file, line, f"broken JSON: {reason}", "write the record as valid JSON")


def _told(fault: Any) -> str:
    path = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":
        return f"{path} is missing"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{path} {_short(fault['input'])} {message[:1].lower()}{message[1:]}"


def _short(value: object) -> str:
    """`value` as it stood in the record, at a length for messages."""
    shown = json.dumps(value, ensure_ascii=True, default=str)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _content(record: _Record) -> StoryContent:
    source, tldr, analysis = record.primary_source, record.tldr, record.analysis
    language = language_tag(record.language) or language_by_script(record.title)
    return StoryContent(
        title=record.title,
        date=record.date,
        language=language,
        category=label(record.category),
        primary_outlet=source.outlet if source else None,
        primary_url=web_link(source.url) if source else None,
        tldr=_tldr(tldr, record.title, language) if tldr else None,
        about=prose(record.about or "") or None,
        analysis=_analysis(analysis) if analysis else None,
        impact=impact_of(record.impact_label),
        audiences=distinct(record.who_should_care or ()),
        companies=tuple(
            Company(company.name, company.type, company.country, company.valuation, company.valuation_as_of)
            for company in record.companies or ()
            if company.name
        ),
        coverage=_coverage(record, language),
        url=web_link(record.url),
    )


def _other(code: str | None, language: str) -> str | None:
    """The language that `code` means, None where it is the story's own."""
    tag = language_tag(code)
    return None if tag == language else tag


def _tldr(told: _Tldr, title: str, language: str) -> Tldr | None:
    text = prose(told.text or "")
    if not text:
        return None
    its_own = tldr_language(told.language, text, title, language)
    return Tldr(text, maker_of(told.label), told.source_count, its_own)


def _analysis(told: _Analysis) -> Analysis | None:
    text = markdown(told.markdown or "")
    return Analysis(told.heading or "Analysis", text) if text else None


def _coverage(record: _Record, language: str) -> tuple[Article, ...]:
    """The reports of outlets.

    Discussions and redirects are no reports: they stand only where nothing else is told. A record
    without coverage names at least its outlets or its primary source.
    """
    told = [report for report in record.coverage or () if report.outlet]
    reports = [report for report in told if report.kind in (None, "article")] or told
    if reports:
        return tuple(
            Article(
                report.outlet or "",
                web_link(report.url),
                _other(report.language, language),
                report.title,
                report.published_at,
            )
            for report in reports
        )
    if outlets := distinct(record.outlets or ()):
        return tuple(map(Article, outlets))
    source = record.primary_source
    return (Article(source.outlet, web_link(source.url)),) if source and source.outlet else ()
