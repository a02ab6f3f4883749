"""The body of a Mail Send request, joined from prepared JSON: the content of an edition is encoded
once for all its requests.

Each reader is a personalization with a recipient, headers and slot values of their own. Our
delivery id travels as a custom argument and comes back in every event.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from json.encoder import encode_basestring_ascii as quoted
from operator import attrgetter

from newsletter.mail import Content, Mail, Sender
from newsletter.providers.checks import slot_names

#: links stay what an editor approved; a click or an open is nobody's business
_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
}


def grouped(mails: Sequence[Mail]) -> list[list[Mail]]:
    """Requests of equal sender and content, in order; in none of them an address twice.

    SendGrid refuses a whole request with two spellings of one address.
    """
    groups: dict[tuple[Sender, Content], list[dict[str, Mail]]] = {}
    # they come edition by edition, and to look a content up takes longer than to see that it is the same
    for alike, run in groupby(mails, key=attrgetter("sender", "content")):
        requests = groups.setdefault(alike, [])
        for mail in run:
            address = mail.to.casefold()
            free = next((request for request in requests if address not in request), None)
            if free is None:
                free = {}
                requests.append(free)
            free[address] = mail
    return [list(request.values()) for requests in groups.values() for request in requests]


class Body(bytes):
    """The prepared JSON of a request. The client takes it as it would take a text, asks it for its
    bytes, and formats it for a debug log: it does not show itself there."""

    def encode(self, _: str) -> "Body":
        return self

    def __format__(self, _: str) -> str:
        return f"{len(self)} bytes"


def body_of(request: Sequence[Mail]) -> Body:
    """The body for one request of `grouped`; its mails must be fit (`checks.check`)."""
    sender, content = request[0].sender, request[0].content
    tags = [(name, quoted(f"@@{name}@@")) for name in sorted(slot_names(content))]
    readers = ",".join([_personalization(mail, tags) for mail in request])
    return Body(b'{%b,"personalizations":[%b]}' % (_shared(sender, content), readers.encode()))


@lru_cache(maxsize=32)
def _shared(sender: Sender, content: Content) -> bytes:
    """What all readers of the edition share, without the braces."""
    shared = {
        "from": {"email": sender.address} | ({"name": sender.name} if sender.name else {}),
        "subject": content.subject,
        "content": [
            {"type": "text/plain", "value": content.text},
            {"type": "text/html", "value": content.html},
        ],
        "tracking_settings": _TRACKING,
    }
    return json.dumps(shared)[1:-1].encode()


def _personalization(mail: Mail, tags: Iterable[tuple[str, str]]) -> str:
    # SendGrid writes a Message-ID of its own
    headers = ",".join(
        [f"{quoted(name)}:{quoted(value)}" for name, value in mail.headers if name.lower() != "message-id"]
    )
    # a fit value needs no escaping
    values = ",".join([f'{tag}:"{mail.slots[name]}"' for name, tag in tags])
    return (
        f'{{"to":[{{"email":{quoted(mail.to)}}}],"headers":{{{headers}}}'
        f',"custom_args":{{"delivery_id":"{mail.delivery_id}"}},"substitutions":{{{values}}}}}'
    )
