"""The work on an uploaded file, done after the page has answered: the dry run, then the import.

How far it is can be seen by every process; one that dies leaves a file that another may go on with.
"""

from dataclasses import asdict
from typing import BinaryIO

from newsletter.editors.audit import audit
from newsletter.importing import Import, Imported
from newsletter.store.engine import writing
from newsletter.web.desk.uploads import NoUpload, Stage, Upload, uploads_of
from newsletter.web.pages import Door
from subscribers.transfer.batches import Overtaken
from subscribers.transfer.table import BadFile
from subscribers.transfer.taking import Terms

#: kept in the ledger as the words that people saw: none of ours
WORDING = "Imported at the desk, without the words of a form"


class Work:
    """One file in this process's hands."""

    def __init__(self, door: Door, upload: Upload) -> None:
        self._door = door
        self._uploads = uploads_of(door.services)
        self._upload = upload

    def check(self) -> None:
        """Find out what importing the file would come to; nothing but what is known of it is changed."""
        try:
            with self._uploads.open(self._upload.key) as data:
                found = self._import(data).rehearse(now=self._door.clock())
        except BadFile as error:
            self._uploads.delete_data(self._upload.key)
            self._note(stage=Stage.REFUSED, fault=str(error))
        except NoUpload:  # discarded meanwhile
            return
        else:
            self._note(stage=Stage.CHECKED, done=self._upload.size, found=asdict(found))

    def take(self, *, editor_id: int, ip: str | None) -> None:
        """Import the file, or go on with it; delete it, and say so in the log."""
        try:
            with self._uploads.open(self._upload.key) as data:
                imported = self._import(data).take(
                    file_name=self._upload.file_name,
                    now=self._door.clock(),
                    begun=lambda batch: self._note(batch_id=batch.id),
                )
        except (Overtaken, NoUpload):  # another process does it, or has done it
            return
        with writing(self._door.services.engine) as session:
            audit(
                session,
                "readers imported",
                f"batch {imported.batch_id}",
                editor_id=editor_id,
                now=self._door.clock(),
                detail=self._detail(imported),
                ip=ip,
            )
        self._uploads.delete_data(self._upload.key)
        self._note(stage=Stage.IMPORTED, done=self._upload.size, found=None)

    def _import(self, data: BinaryIO) -> Import:
        services = self._door.services
        return Import(
            services.engine,
            services.site,
            services.fingerprints,
            data,
            Terms(self._upload.newsletters, self._upload.source, WORDING),
            progress=lambda done: self._note(done=done),
        )

    def _detail(self, imported: Imported) -> dict[str, object]:
        upload, report = self._upload, imported.report
        return {
            "file": upload.file_name,
            "newsletters": list(upload.newsletters),
            "vouched": upload.source is not None,
            "added": report.added,
            "changed": report.changed,
            "refused": report.refused,
        }

    def _note(self, **news: object) -> None:
        self._upload = self._upload.model_copy(update={**news, "beat": self._door.clock()})
        self._uploads.note(self._upload)
