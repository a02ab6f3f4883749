"""A folder with mails that came back: a Maildir, or files `*.eml`.

What was read is put aside: in a Maildir as one does there (from `new` to `cur`, seen), else into a folder
`read` beside the files. It is put aside only once it is kept, so what breaks off is read again.
"""

from collections.abc import Sequence
from pathlib import Path

from newsletter.returns.opening import LARGEST


def unread(folder: Path) -> list[Path]:
    """The mails in `folder` that nobody has read yet, by name; NotADirectoryError when it is none."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder: name a Maildir, or a folder with files *.eml")
    files = (folder / "new").iterdir() if _is_maildir(folder) else folder.glob("*.eml")
    return sorted(path for path in files if path.is_file())


def contents(path: Path) -> bytes:
    """The mail in that file, as far as any is read."""
    with path.open("rb") as file:
        return file.read(LARGEST)


def put_aside(folder: Path, paths: Sequence[Path]) -> None:
    """Mark those mails of `folder` as read. OSError where the folder may not be written."""
    maildir = _is_maildir(folder)
    aside = folder / ("cur" if maildir else "read")
    aside.mkdir(exist_ok=True)
    for path in paths:
        path.rename(aside / (f"{path.name}:2,S" if maildir else path.name))


def _is_maildir(folder: Path) -> bool:
    return (folder / "new").is_dir() and (folder / "cur").is_dir()
