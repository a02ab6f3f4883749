"""The compiler: from MJML to the html of a mail, without what we have no use for. Pure."""

import re

from mjml import mjml2html

from newsletter.rendering.pieces import BLOCK

# MJML drops line breaks between tags, but not beside a mark; so they go before it sees them.
_BETWEEN_TAGS = re.compile(f"(?<=[>{BLOCK}])\\s*\\n\\s*(?=[<{BLOCK}])")


def to_html(mjml: str) -> str:
    """The html of a rendered document. ValueError says what is wrong with it, and near what."""
    source = _BETWEEN_TAGS.sub("", mjml)
    try:
        # With the default fonts mails would fetch one from Google: slow, and a tracker.
        return mjml2html(source, fonts={})
    except ValueError as error:
        detail = str(error)
        if found := re.search(r"at position (\d+)", detail):
            at = int(found[1])  # in bytes
            near = source.encode()[max(0, at - 40) : at + 40].decode(errors="ignore")
            detail += f", near {near!r}"
        raise ValueError(detail) from None
