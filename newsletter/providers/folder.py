"""The folder provider: every mail becomes an `.eml` file, for the demo and for looking at mails.

The file is named after the delivery, so a delivery handed over twice is still one file.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from newsletter.mail import Enough, HandedOver, Mail, Misconfigured, Outcome, Verdict
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

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        return Batch(mails, self.max_batch, enough).run(self._write_all)

    def check(self) -> str:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self._folder):
                return f"mails are written to {self._folder}"
        except OSError as error:
            raise self._unusable(error) from error

    def _write_all(self, batch: Batch) -> None:
        date = self._clock()
        written: list[tuple[Mail, str]] = []
        try:
            for mail, message in batch.prepare(lambda mail: compose(mail, date=date)):
                name = f"delivery-{mail.delivery_id:09d}.eml"
                try:
                    self._write(name, message)
                except OSError as error:
                    if error.errno in _UNUSABLE:
                        raise self._unusable(error) from error
                    batch.settle(mail, _not_taken(name, error))
                else:
                    written.append((mail, name))
        finally:
            self._settle(batch, written)

    def _write(self, name: str, message: bytes) -> None:
        """The whole file or none, its bytes on the disk."""
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

    def _settle(self, batch: Batch, written: Sequence[tuple[Mail, str]]) -> None:
        """Tell that the files are there, once their names are on the disk as well."""
        if not written:
            return
        try:
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            for mail, name in written:
                batch.settle(mail, _not_taken(name, error))
        else:
            for mail, name in written:
                batch.settle(mail, Outcome(Verdict.ACCEPTED, message_id=name))

    def _unusable(self, error: OSError) -> Misconfigured:
        return Misconfigured(
            f"mails cannot be written to {self._folder}: {error.strerror}. "
            "Set MAIL_FOLDER to a folder that this program may write to"
        )


def _not_taken(name: str, error: OSError) -> Outcome:
    return Outcome(Verdict.NOT_TAKEN, f"{name}: {error.strerror}")
