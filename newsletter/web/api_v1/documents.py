"""What the API says of issues, as JSON: each field with its meaning."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from newsletter.desk.changes import CHANGEABLE
from newsletter.judging import Reason
from newsletter.models import Issue, IssueChange, Newsletter
from newsletter.preflight import findings as preflight
from newsletter.web.desk.issue_view import ShownStory


def _writable(text: str) -> str:
    """JSON may spell halves of letters, and a letter that no database keeps."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("leave out the characters that no text has: NUL, and halves of surrogate pairs")
    return text


#: a text that can be written down
Text = Annotated[str, AfterValidator(_writable)]


class Told(BaseModel):
    """What a program sends us: every field as it is meant, and no other."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewsletterDocument(BaseModel):
    slug: str = Field(examples=["daily"])
    name: str
    description: str
    cadence: Literal["daily", "weekly"]
    timezone: str = Field(description="Home zone, in which its times are meant.", examples=["Europe/Paris"])
    cutoff: str = Field(description="When selection closes, in the home zone.", examples=["04:00:00"])
    publish: str = Field(
        description="When the first mail may leave, in the home zone.", examples=["04:30:00"]
    )
    policy: Literal["send", "hold"] = Field(
        description="What happens to a draft that nobody approved by its cut-off."
    )
    min_stories: int
    max_stories: int
    undo_minutes: int = Field(description="For how long an approval can be taken back before a mail leaves.")
    two_persons: bool = Field(description="Whether whoever changed an issue last may not approve it.")
    active: bool = Field(description="Whether issues of it are still planned.")

    @classmethod
    def of(cls, newsletter: Newsletter) -> Self:
        return cls.model_validate(newsletter, from_attributes=True)


class IssueDocument(BaseModel):
    """An issue, without its stories."""

    id: int
    newsletter: str = Field(description="Slug of its newsletter.", examples=["daily"])
    date: date
    state: str = Field(examples=["draft"])
    reason: str | None = Field(description="Why it is in this state, for people.")
    version: int = Field(description="Counts the editors' changes.")
    edited_by: str | None = Field(description="Who made the last of them; null for the command line.")
    changeable: bool = Field(description="Whether it may still be edited; that voids an approval.")
    intro: str | None = Field(description="The editors' words above the stories.")
    cutoff_at: datetime
    publish_at: datetime
    expires_at: datetime = Field(description="After that it does not go out any more.")
    approved_by: str | None
    approved_at: datetime | None
    release_at: datetime | None = Field(description="Until then its approval can be taken back.")
    content_hash: str | None = Field(description="Over what was approved.")
    frozen: int | None = Field(description="How many mails were made of it.")

    @classmethod
    def of(cls, issue: Issue, names: Mapping[int, str]) -> Self:
        own = {
            "newsletter": issue.newsletter.slug,
            "edited_by": names.get(issue.edited_by) if issue.edited_by else None,
            "changeable": issue.state in CHANGEABLE,
        }
        same = IssueDocument.model_fields.keys() - own.keys()
        return cls.model_validate(own | {name: getattr(issue, name) for name in same})


class ReasonDocument(BaseModel):
    """A rule that the story passed or did not."""

    rule: str = Field(examples=["window"])
    passed: bool
    words: str

    @classmethod
    def of(cls, reason: Reason) -> Self:
        return cls(rule=reason.rule, passed=reason.passed, words=reason.text)


class PickDocument(BaseModel):
    """A story's place in an issue, and why it is there or not."""

    story: int = Field(description="Number of the story.")
    revision: int
    place: int | None = Field(description="From 1; null for a story that is not told.")
    score: int
    headline: str = Field(description="As this issue tells it.")
    edited: list[Literal["headline", "tldr", "note"]] = Field(
        description="Which of its texts the editors wrote for this issue."
    )
    title: str = Field(description="As the story itself has it.")
    tldr: str | None = Field(description="As this issue tells it.")
    note: str | None = Field(description="The editors' note.")
    pinned: bool = Field(description="Told to everybody, before the others.")
    moved: bool = Field(description="An editor gave it its place.")
    dropped: bool = Field(description="Told to nobody.")
    added: bool = Field(description="An editor put it in, however old it is.")
    lead_for: list[str] = Field(description="Audiences whose lead story it is, in small letters.")
    reasons: list[ReasonDocument]

    @classmethod
    def of(cls, row: ShownStory) -> Self:
        pick = row.pick
        return cls(
            story=row.id,
            revision=pick.revision,
            place=row.decision.place,
            score=row.decision.score,
            headline=row.headline,
            edited=[name for name in _TEXTS if getattr(pick, name)],
            title=row.content.title,
            tldr=pick.tldr or row.tldr or None,
            note=pick.note,
            pinned=pick.pin is not None,
            moved=pick.rank is not None,
            dropped=pick.dropped,
            added=pick.added,
            lead_for=list(pick.lead_for),
            reasons=[ReasonDocument.of(reason) for reason in row.decision.reasons],
        )


_TEXTS: tuple[Literal["headline", "tldr", "note"], ...] = ("headline", "tldr", "note")


class WholeIssue(IssueDocument):
    """An issue with its stories, as readers of one audience see it who were told nothing before."""

    told: list[PickDocument] = Field(description="In their order.")
    not_told: list[PickDocument] = Field(description="The best first, and not all of them.")
    not_told_count: int = Field(description="How many there are.")
    dropped: list[PickDocument]


class Change(BaseModel):
    """One version of an issue."""

    version: int
    at: datetime
    who: str = Field(examples=["Ada"])
    words: str = Field(examples=["pinned “A model passes a test”"])
    undoes: int | None = Field(description="The version that it took back.")

    @classmethod
    def of(cls, change: IssueChange, names: Mapping[int, str]) -> Self:
        who = "The command line" if change.editor_id is None else names[change.editor_id]
        return cls(version=change.version, at=change.at, who=who, words=change.words, undoes=change.undoes)

    @classmethod
    def all_of(cls, changes: Sequence[IssueChange], names: Mapping[int, str]) -> list[Self]:
        return [cls.of(change, names) for change in changes]


class Changed(BaseModel):
    """What became of a change."""

    change: Change | None = Field(description="null where everything was so already.")
    voided: bool = Field(description="Whether it took away an approval.")
    issue: IssueDocument


class Finding(BaseModel):
    """A fault that preflight found."""

    rule: str = Field(examples=["citations"])
    severity: Literal["blocking", "warning"]
    where: str = Field(examples=["analysis"])
    words: str
    remedy: str
    story: int | None = Field(description="null for what concerns the whole mail.")

    @classmethod
    def of(cls, found: preflight.Finding) -> Self:
        return cls(
            rule=found.rule,
            severity=found.severity.value,
            where=found.where,
            words=found.words,
            remedy=found.remedy,
            story=found.story_id,
        )
