"""The test mail: an issue as its readers would get it, for somebody who is none of them.

At the desk it goes only to editors whose mailbox is known to be theirs.
"""

import secrets
from collections.abc import Sequence

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.editions import for_test
from newsletter.headers import digest_headers
from newsletter.links import no_reader_links
from newsletter.mail import Content, Mail, Misconfigured, Outcome, Provider, Sender, Verdict
from newsletter.models import Editor, Issue, SignIn
from subscribers.address import Address

log = structlog.get_logger()


def trial_mail(content: Content, issue: Issue, *, to: Address, sender: Sender, public_url: str) -> Mail:
    """The mail, marked [TEST]. It is no delivery: nobody counts as having been told anything.

    Its unsubscribe link belongs to no subscriber and changes nothing.
    """
    links = no_reader_links(public_url)
    return Mail(
        delivery_id=0,
        sender=sender,
        to=to.mailbox,
        content=for_test(content),
        slots=links,
        headers=digest_headers(
            sender=sender,
            newsletter=issue.newsletter.name,
            slug=issue.newsletter.slug,
            occasion=issue.id,
            public_id=f"test-{secrets.token_hex(8)}",
            unsubscribe_url=links["unsubscribe_url"],
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
