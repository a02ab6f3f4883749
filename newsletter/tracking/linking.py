"""At the approval: the links of an issue become rows, and lead through us to where the rows say.

The rows stay: the same issue approved anew gets the same links, and with them the same content hash.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.links import CountedLinks
from newsletter.models import Issue, Link
from newsletter.rendering.pieces import Card, Shell
from newsletter.tracking.rewriting import counted_card, counted_shell, straightened, targets
from subscribers.tokens import Purpose, Tokens
from subscribers.unique import insert_new


def counted(
    session: Session, issue: Issue, parts: Mapping[str, Card | Shell], links: CountedLinks
) -> dict[str, Card | Shell]:
    """The compiled parts of the issue, by the same names, as their clicks and opens are counted."""
    urls = sorted({url for part in parts.values() for url in targets(part)})
    if urls:
        insert_new(session, Link, [{"issue_id": issue.id, "url": url} for url in urls])
    rows = session.execute(select(Link.url, Link.id).where(Link.issue_id == issue.id))
    ways = {url: links.follow(link_id) for url, link_id in rows}
    picture = links.opened(issue.id)
    return {
        name: counted_card(part, ways)
        if isinstance(part, Card)
        else counted_shell(part, ways, picture=picture)
        for name, part in parts.items()
    }


def uncounted(session: Session, issue_id: int, html: str, tokens: Tokens, *, now: datetime) -> str:
    """The html of a mail of the issue as it would be if nothing were counted.

    Raises BadToken for a link that was signed with a key no longer known.
    """
    rows = session.execute(select(Link.id, Link.url).where(Link.issue_id == issue_id))
    urls = {str(link_id): url for link_id, url in rows}

    def leads_to(token: str) -> str:
        [link_id] = tokens.read(Purpose.LINK, token, now=now)
        return urls[link_id]

    return straightened(html, leads_to)
