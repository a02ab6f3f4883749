"""The folder provider: files that are whole or not there."""

import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.mail import Misconfigured, Outcome, Verdict
from newsletter.providers.folder import FolderProvider
from tests.mails import a_mail, never


def test_files_are_named_after_deliveries(tmp_path: Path) -> None:
    """One file a mail, in the order of the deliveries, and nothing else in the folder."""
    provider = FolderProvider(tmp_path / "var" / "mail")
    outcomes = provider.hand_over([a_mail(number) for number in (10, 9, 1234567)], never).outcomes
    names = ["delivery-000000009.eml", "delivery-000000010.eml", "delivery-001234567.eml"]
    assert sorted(path.name for path in (tmp_path / "var" / "mail").iterdir()) == names
    assert outcomes[9].message_id == names[0]


def test_handed_over_twice_is_one_file(tmp_path: Path) -> None:
    """The same delivery again replaces its file."""
    morning = FolderProvider(tmp_path, clock=lambda: datetime(2026, 11, 23, 7, tzinfo=UTC))
    evening = FolderProvider(tmp_path, clock=lambda: datetime(2026, 11, 23, 19, tzinfo=UTC))
    morning.hand_over([a_mail(1)], never)
    evening.hand_over([a_mail(1)], never)
    (path,) = tmp_path.iterdir()
    assert b"Date: Mon, 23 Nov 2026 19:00:00 +0000\r\n" in path.read_bytes()


def test_full_disk_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves no half a file, and the mail may be tried again."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    outcome = FolderProvider(tmp_path).hand_over([a_mail(1)], never).outcomes[1]
    assert outcome.verdict is Verdict.NOT_TAKEN
    assert outcome.reason == "delivery-000000001.eml: No space left on device"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("broken", "verdict"), [(False, Verdict.ACCEPTED), (True, Verdict.NOT_TAKEN)])
def test_names_are_on_the_disk_before_anyone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool, verdict: Verdict
) -> None:
    """The folder itself is written once a call; if that fails, no mail of the call is promised."""
    synced = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append("folder" if is_folder else "file")
        if is_folder and broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    outcomes = FolderProvider(tmp_path).hand_over([a_mail(1), a_mail(2)], never).outcomes
    assert {number: outcome.verdict for number, outcome in outcomes.items()} == {1: verdict, 2: verdict}
    assert synced == ["file", "file", "folder"]


def test_folder_that_becomes_unusable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written before the folder was closed to us is told, and the rest was not offered."""
    really = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if "2" in target.name:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return really(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    handed = FolderProvider(tmp_path).hand_over([a_mail(1), a_mail(2), a_mail(3)], never)
    assert handed.outcomes == {1: Outcome(Verdict.ACCEPTED, message_id="delivery-000000001.eml")}
    assert handed.halted is not None
    assert "MAIL_FOLDER" in handed.halted.reason


def test_unusable_folder(tmp_path: Path) -> None:
    """A path that is no folder stops the line, and the message says which setting to mend."""
    path = tmp_path / "file"
    path.write_text("not a folder")
    for provider in (FolderProvider(path), FolderProvider(path / "below")):
        with pytest.raises(Misconfigured, match="MAIL_FOLDER"):
            provider.hand_over([a_mail(1)], never)
        with pytest.raises(Misconfigured, match="MAIL_FOLDER"):
            provider.check()
