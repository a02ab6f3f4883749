"""What a provider said, made fit to keep: one short line, without addresses."""

import re

#: also as mail systems quote it in a link
_ADDRESS = re.compile(r"""[^\s<>()\[\]"',;:]+(?:@|%40)[^\s<>()\[\]"',;:]+""")
_LONGEST = 300


def keep(words: str) -> str:
    """`words` on one line, each address replaced, cut at 300 characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    return _ADDRESS.sub("(address)", " ".join(printable.split()))[:_LONGEST]
