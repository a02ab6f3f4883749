"""Bounces and complaints told right: a corpus of mails that came back, by class, and how fast they are read.

`python -m benchmarks.returns`. The corpus (Sisimai's "set-of-emails", 80 mail systems) names a reason for
each message; RIGHT says which of our kinds that is. The limit is nine of ten.

Two reasons leave a choice. *filtered* is Sisimai's word for a refusal after the data, of which it knows
by the domain that it may be a filter's: many say "user unknown", so hard and blocked are both right. A
report that a mail is only delayed is right as such, whatever delays it. With several recipients the
mildest is right.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.models.event import EventKind
from newsletter.returns.opening import open_mail
from newsletter.returns.reading import read

CORPUS = Path(__file__).parents[2] / "shared/data/bounces/sisimai/maildir"
REASONS = Path(__file__).parent / "bounce_reasons.txt"
LIMIT = 0.9
#: the same messages with the line ends of three systems; the last holds what is no bounce
FOLDERS = ("bsd", "dos", "mac", "not")

Kinds = frozenset[EventKind | None]
HARD, SOFT, BLOCKED = EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE, EventKind.BLOCKED
#: by class, what is right for which of the corpus's reasons
RIGHT: tuple[tuple[str, Kinds, str], ...] = (
    ("hard", frozenset({HARD}), "userunknown hostunknown hasmoved notaccept suspend"),
    (
        "soft",
        frozenset({SOFT}),
        "mailboxfull expired networkerror systemerror mailererror mesgtoobig emailtoolarge onhold "
        "toomanyconn speeding ratelimited syntaxerror failedstarttls notaccept-for-now",
    ),
    (
        "policy",
        frozenset({BLOCKED}),
        "blocked policyviolation spamdetected authfailure requireptr norelaying badreputation "
        "securityerror rejected contenterror virusdetected notcompliantrfc",
    ),
    ("policy", frozenset({BLOCKED, HARD}), "filtered"),
    ("complaint", frozenset({EventKind.COMPLAINED}), "feedback"),
    ("complaint", frozenset({EventKind.UNSUBSCRIBED}), "opt-out"),
    ("delivered", frozenset({EventKind.DELIVERED}), "delivered"),
    ("nothing", frozenset({None}), "vacation auth-failure none"),
)
BOUNCES = ("hard", "soft", "policy")
#: the mildest first
ORDER = ("policy", "soft", "hard")


@dataclass
class Score:
    """How many of a class were read, and told right; and as what the others were taken."""

    read: int = 0
    right: int = 0
    taken_for: Counter[str] = field(default_factory=Counter)


def score(corpus: Path = CORPUS) -> dict[str, Score]:
    """The score by class, over all messages that have a reason."""
    reasons = expected()
    scores = {name: Score() for name, _, _ in RIGHT}
    for path in messages(corpus):
        if path.stem in reasons:
            name, right = reasons[path.stem]
            kind = kind_of(path)
            scores[name].read += 1
            if kind in right or (name in BOUNCES and kind is EventKind.DEFERRED):
                scores[name].right += 1
            else:
                scores[name].taken_for[str(kind or "nothing")] += 1
    return scores


def messages(corpus: Path) -> Iterator[Path]:
    """The files of the corpus."""
    for folder in FOLDERS:
        yield from sorted((corpus / folder).glob("*.eml"))


def kind_of(path: Path) -> EventKind | None:
    """What the message is taken for; None for nothing about a mail."""
    mail = open_mail(path.read_bytes())
    reading = read(mail) if mail else None
    return reading.kind if reading else None


def expected() -> dict[str, tuple[str, Kinds]]:
    """By the message's name: its class, and the kinds that are right."""
    found: dict[str, tuple[str, Kinds]] = {}
    for line in REASONS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            system, reasons, *numbers = line.split()
            right = _right(reasons.split("+"))
            found |= {f"{system}-{number}": right for number in numbers}
    return found


def _right(reasons: list[str]) -> tuple[str, Kinds]:
    """Those of the mildest of a message's reasons."""
    found = {name: kinds for name, kinds, known in RIGHT if set(reasons) & set(known.split())}
    name = next((name for name in ORDER if name in found), next(iter(found)))
    return name, found[name]


def main() -> None:
    began = time.perf_counter()
    scores = score()
    seconds = time.perf_counter() - began
    print("Mails that came back, told right by class")
    for name, one in scores.items():
        mistaken = ", ".join(f"{count} as {kind}" for kind, count in one.taken_for.most_common())
        print(f"  {name:<10} {one.right:>4} of {one.read:<4} {one.right / one.read:>7.1%}  {mistaken}")
    read_, right = sum(one.read for one in scores.values()), sum(one.right for one in scores.values())
    print(f"  {'all':<10} {right:>4} of {read_:<4} {right / read_:>7.1%}  (limit {LIMIT:.0%})")
    print(f"  {read_ / seconds:,.0f} mails read a second on one core")


if __name__ == "__main__":
    main()
