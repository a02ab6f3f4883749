"""At the approval: the links of an issue become rows, and lead through us to where the rows say.

The rows stay: the same issue approved anew gets the same links, and with them the same content hash.
"""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.links import CountedLinks
from newsletter.models import Issue, Link
from newsletter.rendering.pieces import Card, Shell
from newsletter.tracking.rewriting import counted_card, counted_shell, targets
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
