"""What a provider said, made fit to keep: one short line, without addresses."""

import re

#: also as mail systems quote it in a link
_ADDRESS = re.compile(r"""[^\s<>()\[\]"',;:]+(?:@|%40)[^\s<>()\[\]"',;:]+""")
_LONGEST = 300
#: so much is looked at, up to a blank: there is no address in half a word
_READ = 2_000


def keep(words: str) -> str:
    """`words` on one line, each address replaced, cut at 300 characters."""
    if len(words) > _READ:
        words = words[:_READ].rpartition(" ")[0]
    if not words.isprintable():
        words = "".join(letter if letter.isprintable() else " " for letter in words)
    return _ADDRESS.sub("(address)", " ".join(words.split()))[:_LONGEST]
