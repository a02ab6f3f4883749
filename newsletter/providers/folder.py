"""The folder provider: every mail becomes an `.eml` file, for the demo and for looking at mails.

The file is named after the delivery, so a delivery handed over twice is still one file.
"""

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from newsletter.mail import Mail, Misconfigured, Outcome, Verdict
from newsletter.providers.batch import Batch
from newsletter.providers.dates import Clock, utc_now
from newsletter.providers.mime import compose

#: trouble that does not pass by itself; a full disk does
_UNUSABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST}


class FolderProvider:
    name = "folder"
    max_batch = 100

    def __init__(self, folder: Path, *, clock: Clock = utc_now) -> None:
        self._folder = folder
        self._clock = clock

    def hand_over(self, mails: Sequence[Mail]) -> Mapping[int, Outcome]:
        return Batch(mails, self.max_batch).run(self._write_all)

    def check(self) -> str:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self._folder):
                return f"mails are written to {self._folder}"
        except OSError as error:
            raise self._unusable(error) from error

    def _write_all(self, batch: Batch) -> None:
        date = self._clock()
        for mail, message in batch.prepare(lambda mail: compose(mail, date=date)):
            name = f"delivery-{mail.delivery_id:09d}.eml"
            try:
                self._write(name, message)
            except OSError as error:
                if error.errno in _UNUSABLE:
                    raise self._unusable(error) from error
                batch.settle(mail, Outcome(Verdict.NOT_TAKEN, f"{name}: {error.strerror}"))
            else:
                batch.settle(mail, Outcome(Verdict.ACCEPTED, message_id=name))

    def _write(self, name: str, message: bytes) -> None:
        """The whole file or none, and on the disk before anyone is told that it is there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{name}.part"
        try:
            with unfinished.open("wb") as file:
                file.write(message)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._folder / name)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _unusable(self, error: OSError) -> Misconfigured:
        return Misconfigured(
            f"mails cannot be written to {self._folder}: {error.strerror}. "
            "Set MAIL_FOLDER to a folder that this program may write to"
        )
