"""A digest of one story, and what its reader sees of it."""

import re

from lxml import html as lxml_html

from newsletter.content import StoryContent
from newsletter.mail import Content
from newsletter.rendering.pieces import Form
from newsletter.rendering.telling import Telling
from tests.digests import (
    digest,
)


def only(content: StoryContent, form: Form = Form.FULL, **telling: object) -> Content:
    return digest(Telling(content, form, because=("Engineers",), **telling))  # type: ignore[arg-type]


def parsed(mail: Content) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(mail.html)


def words(mail: Content) -> str:
    """What a reader sees, on one line and without the marks of direction."""
    return " ".join(re.sub("[\u2068\u2069]", "", parsed(mail).text_content()).split())


def on_one_line(text: str) -> str:
    return " ".join(re.sub("[\u2068\u2069]", "", text).split())
