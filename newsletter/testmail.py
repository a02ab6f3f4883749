"""The test mail: an issue as its readers would get it, for somebody who is none of them."""

import secrets

from newsletter.editions import for_test
from newsletter.headers import digest_headers
from newsletter.links import no_reader_links
from newsletter.mail import Content, Mail, Sender
from newsletter.models import Issue
from subscribers.address import Address


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
