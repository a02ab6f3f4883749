"""The section "Coverage Sources" of a story page."""

import re
from dataclasses import dataclass
from typing import Any

from newsletter.sources.page import Line, Piece
from subscribers.lens import term

_READ = re.compile(r"read( (the )?(article|more|story|report))?\W*", re.IGNORECASE)
_BADGE = re.compile(r"[A-Z]{2,3}(-[A-Z]{2,4})?")


@dataclass(frozen=True, slots=True)
class Coverage:
    #: in the form of our JSON schema
    reports: list[dict[str, Any]]
    #: outlets that the page names without showing their report
    missing: list[str]


def read_coverage(lines: list[Line], outlets: tuple[str, ...]) -> Coverage:
    """The reports of a story; each ends in its link "Read".

    `outlets` are the names above the title. They tell where a name ends and a language badge
    begins: "LeMagITFR" is LeMagIT in French. Links to other stories, below, name no such outlet.
    """
    reports: list[dict[str, Any]] = []
    before: list[str] = []
    for piece in (piece for line in lines for piece in line.pieces):
        if not _READ.fullmatch(piece.text):
            before.append(piece.text)
            continue
        if report := _report(before, piece, outlets):
            reports.append(report)
        before = []
    shown = {term(report["outlet"]) for report in reports}
    return Coverage(reports, [outlet for outlet in outlets if term(outlet) not in shown])


def _report(texts: list[str], read: Piece, outlets: tuple[str, ...]) -> dict[str, Any] | None:
    """The report whose link is `read`, from what stands between the link before and this one."""
    longest_first = sorted(outlets, key=len, reverse=True)
    for at in reversed(range(len(texts))):
        # an outlet that is not named above still stands twice: on its logo, and beside it
        names = [*longest_first, *texts[max(at - 1, 0) : at]]
        found = _outlet_and_badge(texts[at], names)
        if found:
            outlet, badge = found
            badges = filter(_BADGE.fullmatch, [badge, *texts[at + 1 : at + 2]])
            return {"outlet": outlet, "language": next(badges, None), "url": read.link}
    return None


def _outlet_and_badge(text: str, names: list[str]) -> tuple[str, str] | None:
    """Which of the names `text` is, alone or with a badge behind it. The whole name goes first."""
    for name in names:
        if term(text) == term(name):
            return name, ""
    for name in names:
        badge = text.removeprefix(name).strip()
        if badge != text and _BADGE.fullmatch(badge):
            return name, badge
    return None
