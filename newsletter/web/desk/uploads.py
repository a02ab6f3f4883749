"""Files that admins have sent to be imported: where they wait, and how far the work on each is.

A file lies in a folder that only this service can read, beside what is known of it, until it is
imported or refused, and not longer than a day. A crash leaves both as they were.
"""

import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict

from newsletter.wiring import Services

#: a file that nobody came back to
KEPT = timedelta(days=1)
#: without a sign for so long, nobody is at work any more: a portion takes far less
SILENCE = timedelta(minutes=1)


class Stage(StrEnum):
    CHECKING = "checking"  # the dry run goes on
    CHECKED = "checked"  # checking -> checked, waits for a yes
    IMPORTING = "importing"  # checked -> importing
    IMPORTED = "imported"  # importing -> imported; the file is deleted
    REFUSED = "refused"  # checking -> refused, no table of people; the file is deleted


class Upload(BaseModel):
    """What is known of a file."""

    model_config = ConfigDict(frozen=True)

    key: str
    file_name: str
    size: int
    newsletters: tuple[str, ...]
    #: where and how its people agreed; None: they are to be asked
    source: str | None
    stage: Stage
    #: when something was last done about it
    beat: datetime
    #: bytes read in this stage
    done: int = 0
    #: what the dry run came to
    found: dict[str, Any] | None = None
    batch_id: int | None = None
    #: why it was refused
    fault: str | None = None

    def at_work(self, now: datetime) -> bool:
        """Whether somebody seems to be at work on it just now."""
        return self.stage in (Stage.CHECKING, Stage.IMPORTING) and now - self.beat < SILENCE


class NoUpload(LookupError):
    """It was imported or discarded, a day has passed, or another machine took it: send it once more."""


class Uploads:
    """The folder of the files. Several processes of one machine may work on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: BinaryIO, file_name: str, **about: Any) -> Upload:
        """Take in a file, and forget those that nobody came back to; `about`: further fields."""
        self._make_folder()
        key = secrets.token_urlsafe(16)
        with self._data(key).open("xb") as kept:
            shutil.copyfileobj(data, kept)
            size = kept.tell()
        upload = Upload(key=key, file_name=file_name, size=size, **about)
        self.note(upload)
        for old in list(self):
            if upload.beat - old.beat > KEPT:
                self.forget(old.key)
        return upload

    def note(self, upload: Upload) -> None:
        """Keep what is known of a file now; readers see the old or the new, never a half."""
        draft = self._folder / f"{upload.key}.{secrets.token_hex(4)}"
        draft.write_text(upload.model_dump_json(), encoding="utf-8")
        draft.replace(self._about(upload.key))

    def get(self, key: str) -> Upload:
        """What is known of a file. Raises NoUpload."""
        try:
            return Upload.model_validate_json(self._about(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NoUpload(NoUpload.__doc__) from None

    def open(self, key: str) -> BinaryIO:
        """The file itself. Raises NoUpload."""
        try:
            return self._data(key).open("rb")
        except FileNotFoundError:
            raise NoUpload(NoUpload.__doc__) from None

    def delete_data(self, key: str) -> None:
        """Delete the file; what is known of it stays for a while."""
        self._data(key).unlink(missing_ok=True)

    def forget(self, key: str) -> None:
        """Delete the file and what is known of it."""
        self.delete_data(key)
        self._about(key).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Upload]:
        """All that is known here, in no order."""
        for path in self._folder.glob("*.json"):
            try:
                yield self.get(path.stem)
            except NoUpload:  # forgotten since
                continue

    def _data(self, key: str) -> Path:
        return self._folder / f"{key}.data"

    def _about(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _make_folder(self) -> None:
        """Raises PermissionError where somebody else has a hand in it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(self._folder.stat().st_mode) & 0o077:
            raise PermissionError(f"{self._folder} can be read by others: chmod 700 it")


def uploads_of(services: Services) -> Uploads:
    """The folder beside an embedded database, or else one among the temporary files of this machine."""
    database = services.engine.url
    if database.get_backend_name() == "sqlite" and database.database:
        return Uploads(Path(database.database).parent / "uploads")
    name = f"race-to-agi-{services.fingerprints.make('uploads')[:16]}"
    return Uploads(Path(tempfile.gettempdir()) / name)
