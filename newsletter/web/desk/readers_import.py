"""Readers brought in from a file: sent, tried, then imported by a second yes, and the report of it.

The file says who left and who bounced; who gave consent to what is for the admin to say, who answers
for it by name in the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, UploadFile

from newsletter.editors.audit import audit
from newsletter.site import Site
from newsletter.store.engine import reading, writing
from newsletter.web.desk.import_work import Work
from newsletter.web.desk.pages import answer
from newsletter.web.desk.uploads import NoUpload, Stage, Upload, uploads_of
from newsletter.web.desk.visits import Admin, AdminWithFile, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, in_one_line, name_of
from subscribers.models import Batch
from subscribers.transfer.people import SHOWN, ImportReport

router = APIRouter(prefix="/desk/readers", route_class=PageRoute)

#: bytes: some two million people
UPLOAD_LIMIT = 200 * 1024 * 1024
#: earlier imports on the page
LISTED = 50
#: characters of the statement
LONGEST_SOURCE = 500

Key = Annotated[str, Path(pattern=r"^[\w-]{22}$")]


@dataclass
class TermsForm:
    """For which newsletters, and how their people agreed, as the form has it."""

    newsletters: Sequence[str]
    #: "ask" or "vouch"
    consent: str = "ask"
    source: str = ""
    faults: dict[str, str] = field(default_factory=dict)

    @classmethod
    def sent(cls, form: FormData, site: Site) -> "TermsForm":
        """What somebody filled in, with what is wrong with it."""
        known = [each.slug for each in site.newsletters]
        chosen = [slug for slug in known if slug in form.getlist("newsletters")]
        wish = cls(chosen, str(form.get("consent", "ask")), in_one_line(str(form.get("source", ""))))
        if not wish.newsletters:
            wish.faults["newsletters"] = "Choose at least one newsletter."
        if wish.consent == "vouch" and not wish.source:
            wish.faults["source"] = "Say where and how they agreed: it is kept with every reader's consent."
        if len(wish.source) > LONGEST_SOURCE:
            wish.faults["source"] = f"Please say it in {LONGEST_SOURCE} characters."
        return wish

    @property
    def vouched(self) -> str | None:
        return self.source if self.consent == "vouch" else None


@router.get("/import")
def show_imports(visit: Admin, door: AtDoor) -> Response:
    return _overview(door, visit, TermsForm([door.services.site.newsletters[0].slug]))


@router.post("/import", max_body_size=UPLOAD_LIMIT)
def take_file(visit: AdminWithFile, door: AtDoor) -> Response:
    """Keep the file and begin the dry run."""
    wish, sent = TermsForm.sent(visit.form, door.services.site), visit.form.get("file")
    if not isinstance(sent, UploadFile):
        wish.faults["file"] = "Choose a file."
        return _overview(door, visit, wish)
    with sent.file:
        name = in_one_line(PurePath(sent.filename or "").name)[:200]
        if not name:
            wish.faults["file"] = "Choose a file."
        elif wish.faults:
            wish.faults["file"] = "Choose the file again: browsers do not keep it."
        if wish.faults:
            return _overview(door, visit, wish)
        upload = uploads_of(door.services).keep(
            sent.file,
            name,
            newsletters=wish.newsletters,
            source=wish.vouched,
            stage=Stage.CHECKING,
            beat=door.clock(),
        )
    return _go(door, upload, BackgroundTask(Work(door, upload).check))


@router.get("/import/{key}")
def show_upload(visit: Admin, key: Key, door: AtDoor) -> Response:
    try:
        upload = uploads_of(door.services).get(key)
    except NoUpload as gone:
        return answer(door, "message.html", visit, status=404, title="This file is not here", text=str(gone))
    if upload.stage is Stage.IMPORTED:
        return RedirectResponse(f"{door.pages.base}/desk/readers/imports/{upload.batch_id}", 303)
    return _upload_page(door, visit, upload, TermsForm(upload.newsletters, *_consent(upload)))


@router.post("/import/{key}/check", max_body_size=FORM_LIMIT)
def check_again(visit: Admin, key: Key, door: AtDoor) -> Response:
    """Try it on other terms, or try again what was interrupted."""
    upload = _upload(door, key)
    _require(upload, door, Stage.CHECKED, Stage.CHECKING)
    wish = TermsForm.sent(visit.form, door.services.site)
    if wish.faults:
        return _upload_page(door, visit, upload, wish)
    terms = {"newsletters": tuple(wish.newsletters), "source": wish.vouched}
    upload = _noted(door, upload, stage=Stage.CHECKING, found=None, done=0, **terms)
    return _go(door, upload, BackgroundTask(Work(door, upload).check))


@router.post("/import/{key}/start", max_body_size=FORM_LIMIT)
def start(visit: Admin, key: Key, door: AtDoor) -> Response:
    """Import what was tried, or go on with what was interrupted."""
    upload = _upload(door, key)
    _require(upload, door, Stage.CHECKED, Stage.IMPORTING)
    with writing(door.services.engine) as session:
        detail = {"newsletters": list(upload.newsletters), "vouched": upload.source is not None}
        subject, editor, now = f"file {upload.file_name}", visit.editor_id, door.clock()
        audit(session, "import started", subject, editor_id=editor, now=now, detail=detail, ip=visit.ip)
    upload = _noted(door, upload, stage=Stage.IMPORTING, done=0)
    work = Work(door, upload)
    return _go(door, upload, BackgroundTask(work.take, editor_id=visit.editor_id, ip=visit.ip))


@router.post("/import/{key}/discard", max_body_size=FORM_LIMIT)
def discard(visit: Admin, key: Key, door: AtDoor) -> Response:
    """Delete the file; nothing of it was taken, or nothing more will be."""
    upload = _upload(door, key)
    _require(upload, door, *Stage)
    uploads_of(door.services).forget(key)
    with writing(door.services.engine) as session:
        subject, editor, now = f"file {upload.file_name}", visit.editor_id, door.clock()
        audit(session, "import discarded", subject, editor_id=editor, now=now, ip=visit.ip)
    return RedirectResponse(f"{door.pages.base}/desk/readers/import", 303)


@router.get("/imports/{batch_id}")
def show_report(visit: Admin, batch_id: Annotated[int, Path(ge=1, lt=2**63)], door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        batch = session.get(Batch, batch_id)
        if batch is None:
            raise HTTPException(404)
        report = ImportReport.read(batch.report)
        return answer(door, "import_report.html", visit, batch=batch, report=report, shown=SHOWN)


def _overview(door: Door, visit: Visit, wish: TermsForm) -> Response:
    now = door.clock()
    waiting = [one for one in uploads_of(door.services) if one.stage is not Stage.IMPORTED]
    with reading(door.services.engine) as session:
        newest = select(Batch).order_by(Batch.started_at.desc(), Batch.id.desc()).limit(LISTED)
        batches = [(batch, ImportReport.read(batch.report)) for batch in session.scalars(newest)]
    return answer(
        door,
        "imports.html",
        visit,
        status=422 if wish.faults else 200,
        form=wish,
        faults=wish.faults,
        waiting=sorted(waiting, key=lambda one: one.beat, reverse=True),
        batches=batches,
        now=now,
    )


def _upload_page(door: Door, visit: Visit, upload: Upload, wish: TermsForm) -> Response:
    at_work = upload.at_work(door.clock())
    return answer(
        door,
        "upload.html",
        visit,
        status=422 if wish.faults else 200,
        follows=at_work,
        upload=upload,
        at_work=at_work,
        names=[name_of(door, slug) for slug in upload.newsletters],
        form=wish,
        faults=wish.faults,
        shown=SHOWN,
    )


def _upload(door: Door, key: str) -> Upload:
    try:
        return uploads_of(door.services).get(key)
    except NoUpload:
        raise HTTPException(404) from None


def _require(upload: Upload, door: Door, *stages: Stage) -> None:
    """Sent from an old page: what goes on, or is over, is not begun anew."""
    if upload.stage not in stages or upload.at_work(door.clock()):
        raise HTTPException(303, headers={"location": _path(door, upload)})


def _noted(door: Door, upload: Upload, **news: object) -> Upload:
    upload = upload.model_copy(update={**news, "beat": door.clock()})
    uploads_of(door.services).note(upload)
    return upload


def _go(door: Door, upload: Upload, work: BackgroundTask) -> Response:
    """Show the page of the file, and begin the work once that is answered."""
    return RedirectResponse(_path(door, upload), 303, background=work)


def _path(door: Door, upload: Upload) -> str:
    return f"{door.pages.base}/desk/readers/import/{upload.key}"


def _consent(upload: Upload) -> tuple[str, str]:
    return ("ask", "") if upload.source is None else ("vouch", upload.source)
