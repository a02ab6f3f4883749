"""What SpamAssassin makes of the mail, where it is installed. It may take seconds."""

import shutil
import subprocess
from email import message_from_bytes
from re import search
from typing import NamedTuple

#: of the program; the first that is there is asked. `spamc` asks a server that runs already
PROGRAMS = ("spamc", "spamassassin")
#: seconds
PATIENCE = 10
#: points from which on SpamAssassin calls a mail spam, unless told otherwise
SPAM = 5.0


class Score(NamedTuple):
    points: float
    #: the rules that gave them, as SpamAssassin calls them
    rules: str


def is_installed() -> bool:
    """Whether there is a SpamAssassin to ask on this machine."""
    return any(map(shutil.which, PROGRAMS))


def score(message: bytes) -> Score | None:
    """Its points for that mail; None where it is not installed, does not answer or is too slow."""
    for path in filter(None, map(shutil.which, PROGRAMS)):
        try:
            # it looks at the mail alone: the tests that ask the network are about mail received
            local = ["--local"] if path.endswith("spamassassin") else []
            done = subprocess.run(  # noqa: S603  a program of the operator's own
                [path, *local], input=message, capture_output=True, timeout=PATIENCE, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if found := _read(done.stdout):
            return found
    return None


def _read(answer: bytes) -> Score | None:
    """The header that it puts into the mail: `X-Spam-Status: No, score=1.2 required=5.0 tests=A,B …`."""
    status = "".join(str(message_from_bytes(answer).get("X-Spam-Status", "")).split("\n"))
    points, rules = (
        search(r"score=(-?\d+(?:\.\d+)?)", status),
        search(r"tests=([\w,\s]*?)(?=\s\w+=|$)", status),
    )
    if not points:
        return None
    return Score(float(points[1]), ", ".join(rules[1].replace(",", " ").split()) if rules else "")
