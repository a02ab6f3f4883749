"""An issue as its readers would get it, and how many of them get which edition."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from newsletter.desk.changes import CHANGEABLE, Closed
from newsletter.editors.audit import audit
from newsletter.issue_forecast import Kept, forecast_issue, keep, kept
from newsletter.preview import selection_through, shown
from newsletter.store.engine import reading
from newsletter.web.api_v1.callers import ApiRoute, ByEditor, ByViewer
from newsletter.web.api_v1.documents import Text
from newsletter.web.api_v1.issues import check_audience
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.desk.editions import Grid, foretold, frozen
from newsletter.web.desk.issue_head import IssueNumber, find_issue
from newsletter.web.pages import AtDoor
from subscribers.lens import Lens

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Preview"])

Words = Annotated[list[Text], Field(max_length=50)]


class LensQuery(BaseModel):
    """What a reader chose; each may come more than once."""

    model_config = ConfigDict(extra="forbid")

    audience: Words = Field([], description="Audiences that they are of.", examples=[["Investors"]])
    company: Words = Field([], description="Companies that they follow.")
    topic: Words = Field([], description="Categories that they follow.")
    muted_company: Words = []
    muted_topic: Words = []
    language: Words = Field([], description="Languages that they read (BCP 47).", examples=[["en", "fr"]])
    min_outlets: int = Field(1, ge=1, le=99, description="Stories that fewer outlets report are left out.")
    short: bool = Field(False, description="Every story in its short form.")

    @property
    def lens(self) -> Lens:
        chosen = Lens.of(
            audiences=self.audience,
            companies=self.company,
            topics=self.topic,
            muted_companies=self.muted_company,
            muted_topics=self.muted_topic,
            languages=self.language,
        )
        return replace(chosen, min_outlets=self.min_outlets, short=self.short)


class MailDocument(BaseModel):
    """A mail; links that are a reader's own are open slots: `@@unsubscribe_url@@`."""

    subject: str
    preheader: str = Field(description="What a mailbox shows beside the subject.")
    html: str
    text: str
    size_bytes: int = Field(description="Of its html, with the longest possible links.")


class Preview(BaseModel):
    skipped: str | None = Field(description="Why these readers get no mail; null where they get one.")
    mail: MailDocument | None


@router.get("/issues/{issue_id}/preview")
def preview(
    _caller: ByViewer, door: AtDoor, issue_id: IssueNumber, chosen: Annotated[LensQuery, Query()]
) -> Preview:
    """Render the mail that readers of a lens would get, by the function that renders the real one."""
    for audience in chosen.audience:
        check_audience(door, audience, "query.audience")
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        selection = selection_through(session, issue, chosen.lens)
        if selection.skipped is not None:
            return Preview(skipped=selection.skipped, mail=None)
        mail = shown(session, issue, door.services.renderer, selection)
    content = mail.content
    return Preview(
        skipped=None,
        mail=MailDocument(
            subject=content.subject,
            preheader=mail.preheader,
            html=content.html,
            text=content.text,
            size_bytes=mail.size_bytes,
        ),
    )


class ToldStory(BaseModel):
    headline: str
    form: str = Field(description="Empty in full, else short, update or correction.")
    reasons: list[str]


class Readers(BaseModel):
    words: str
    readers: int


class EditionDocument(BaseModel):
    """One mail, and how many readers get it."""

    readers: int
    subject: str
    size_bytes: int
    stories: list[ToldStory]
    kinds: list[Readers] = Field(description="Who gets it; empty for an issue that is out.")
    more_kinds: int


class Editions(BaseModel):
    counted_at: datetime | None = Field(description="null for an issue that is out: its rows are counted.")
    version: int | None = Field(description="The version of the issue that was counted.")
    mails: int
    editions: int = Field(description="How many different ones.")
    largest: int = Field(description="Bytes of the largest.")
    listed: list[EditionDocument] = Field(description="Those with the most readers.")
    skipped: list[Readers] = Field(description="Who gets no mail: why, and how many.")
    another_day: int = Field(description="Readers who do not read on its day.")
    not_looked_at: int = Field(description="Readers in the smallest groups, which were not looked at.")


@router.get("/issues/{issue_id}/editions")
def list_editions(_caller: ByViewer, door: AtDoor, issue_id: IssueNumber) -> Editions:
    """List the editions of an issue: as they were counted last, or, of one that is out, as they left."""
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        if issue.state not in CHANGEABLE:
            return _editions(frozen(session, issue))
        counted = kept(session, issue.id)
        if counted is None:
            raise NotCounted(issue.id)
        return _editions(foretold(issue, counted), counted.made_at, counted.version)


class NotCounted(LookupError):
    """Nobody has counted the editions of the issue yet."""

    def __init__(self, issue_id: int) -> None:
        super().__init__(
            f"the editions of issue {issue_id} were not counted yet:"
            f" POST {PREFIX}/issues/{issue_id}/editions/count does it"
        )


@router.post("/issues/{issue_id}/editions/count")
def count_editions(caller: ByEditor, door: AtDoor, issue_id: IssueNumber) -> Editions:
    """Count who would get what of an issue as it is now; that takes seconds."""
    now = door.clock()
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        if issue.state not in CHANGEABLE:
            raise Closed(issue)
        version, forecast = issue.version, forecast_issue(session, issue, door.services.renderer, now=now)
    with caller.writing(door) as session:
        issue = find_issue(session, issue_id, lock=True)
        keep(session, issue, version, forecast, now=now)
        detail = {"version": version, "mails": forecast.mails}
        by, ip, subject = caller.editor_id, caller.ip, f"issue {issue_id}"
        audit(session, "editions counted", subject, editor_id=by, now=now, detail=detail, ip=ip)
        return _editions(foretold(issue, Kept(version, now, forecast)), now, version)


def _editions(grid: Grid, counted_at: datetime | None = None, version: int | None = None) -> Editions:
    return Editions(counted_at=counted_at, version=version, **asdict(grid))
