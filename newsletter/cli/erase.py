"""The command that forgets a person, for whoever asks for it by other ways than our pages."""

from typing import Annotated

import typer

from newsletter import erasure
from newsletter.cli.services import ready
from newsletter.cli.terminal import moment, say
from newsletter.store.engine import wash_away, writing
from subscribers.address import parse
from subscribers.ledger import Channel


def erase(email: Annotated[str, typer.Argument(metavar="EMAIL")]) -> None:
    """Forget a person for good; there is no way back.

    Numbers stay, and a keyed hash of the address, so that no import brings them back.
    """
    services = ready()
    address = parse(email)
    with writing(services.engine) as session:
        known = erasure.erase(
            session,
            address,
            mail_folder=services.settings.mail_folder,
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=moment(None),
        )
    wash_away(services.engine)
    if not known:
        raise LookupError(f"nothing is kept about {email!r}: look at `newsletter subscribers list`")
    say("erased; mail that is being handed over at this moment may still arrive")
