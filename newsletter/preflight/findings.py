"""What preflight finds: each fault with where it is and how it is mended. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether the issue may leave with it."""

    BLOCKING = "blocking"  # it may not
    WARNING = "warning"  # for the editors to weigh


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, in words for editors."""

    #: the rule that found it: "citations"
    rule: str
    severity: Severity
    #: the part of the issue: "analysis"
    where: str
    #: what is wrong
    words: str
    #: how it is mended
    remedy: str
    #: the story that it is in; None for what concerns the whole mail
    story_id: int | None = None


def blocking(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those with which the issue may not leave."""
    return tuple(finding for finding in findings if finding.severity is Severity.BLOCKING)
