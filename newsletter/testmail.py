"""The test mail: an issue or an alert as its readers would get it, for somebody who is none of them.

At the desk it goes only to editors whose mailbox is known to be theirs.
"""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alert_desk.looking_over import as_of_now, shown
from newsletter.editions import for_test
from newsletter.headers import digest_headers
from newsletter.links import no_reader_links
from newsletter.mail import Content, Mail, Misconfigured, Outcome, Provider, Sender, Verdict
from newsletter.models import Alert, Editor, Issue, Newsletter, SignIn
from newsletter.models.delivery import DeliveryKind
from newsletter.newsletters import of_alerts
from newsletter.preview import preview
from newsletter.rendering.renderer import Renderer
from subscribers.address import Address

log = structlog.get_logger()


class Post(NamedTuple):
    """By whom and to whom a test mail goes."""

    to: Address
    sender: Sender
    public_url: str


def of_issue(
    session: Session,
    issue: Issue,
    renderer: Renderer,
    post: Post,
    *,
    audience: str | None = None,
    email: str | None = None,
) -> Mail:
    """The issue as `preview` shows it to these readers. Raises NoPreview and RenderError."""
    content = preview(session, issue, renderer, audience=audience, email=email).content
    return _marked(content, issue.newsletter, DeliveryKind.DIGEST, issue.id, post)


def of_alert(session: Session, alert: Alert, renderer: Renderer, post: Post) -> Mail:
    """The alert, as approved, or else as of now. Raises RenderError.

    Of a draft the session keeps no change, see `as_of_now`.
    """
    as_of_now(session, alert)
    content = shown(session, alert, renderer).content
    return _marked(content, of_alerts(session), DeliveryKind.ALERT, alert.id, post)


def _marked(content: Content, newsletter: Newsletter, kind: DeliveryKind, occasion: int, post: Post) -> Mail:
    """The mail, marked [TEST]. It is no delivery: nobody counts as having been told anything.

    Its unsubscribe link belongs to no subscriber and changes nothing.
    """
    links = no_reader_links(post.public_url)
    return Mail(
        delivery_id=0,
        sender=post.sender,
        to=post.to.mailbox,
        content=for_test(content),
        slots=links,
        headers=digest_headers(
            sender=post.sender,
            newsletter=newsletter.name,
            slug=newsletter.slug,
            occasion=occasion,
            public_id=f"test-{secrets.token_hex(8)}",
            unsubscribe_url=links["unsubscribe_url"],
            kind=kind,
        ),
    )


def hand_over(provider: Provider, mail: Mail) -> Outcome:
    """Offer the mail once; what became of it, whatever breaks. Not to be called within a transaction."""
    try:
        handed = provider.hand_over([mail], lambda: False)
    except Misconfigured as error:
        return Outcome(Verdict.NOT_TAKEN, str(error))
    except Exception as error:
        log.exception("hand_over_broke", provider=provider.name, mails=1)
        return Outcome(Verdict.UNKNOWN, f"the hand-over broke: {type(error).__name__}")
    if outcome := handed.outcomes.get(mail.delivery_id):
        return outcome
    return Outcome(Verdict.NOT_TAKEN, handed.halted.reason if handed.halted else None)


def recipients(session: Session) -> Sequence[Editor]:
    """The editors who used a link from their mailbox, as far back as that is kept, by name."""
    verified = select(SignIn.editor_id).where(SignIn.used_at.is_not(None))
    query = select(Editor).where(Editor.removed_at.is_(None), Editor.id.in_(verified))
    return session.scalars(query.order_by(Editor.email_key)).all()
