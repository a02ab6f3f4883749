"""The door by which mail servers hand over what came back: LMTP (RFC 2033) and SMTP on one port.

Only our bounce mailbox and return paths that we signed are let in; 2xx is answered once a mail is kept,
and 4xx when that fails, so that the server comes again. It answers no mail, and sends none.
"""

import asyncio
from collections.abc import Callable

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from newsletter.return_path import ReturnPaths
from newsletter.returns.opening import LARGEST

log = structlog.get_logger()

#: seconds of silence after which a connection is closed
PATIENCE = 120
NOT_NOW = "451 4.3.0 not kept: come again"


class _Conversation(SMTP):
    """SMTP that also understands the greeting of LMTP.

    The only other difference is an answer for each recipient after the data, and there is only one.
    """

    #: mails that came back have lines of any length
    line_length_limit = LARGEST

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802
        await self.smtp_EHLO(arg)


class _Door:
    def __init__(self, paths: ReturnPaths, keep: Callable[[bytes, str], None]) -> None:
        self._paths = paths
        self._keep = keep

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            return "452 4.5.3 one recipient at a time"
        if not self._paths.leads_here(address):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 go on"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        await asyncio.to_thread(self._keep, envelope.content, envelope.rcpt_tos[0])
        return "250 2.0.0 kept"

    async def handle_exception(self, error: Exception) -> str:
        log.error("return_not_kept", error=type(error).__name__)
        return NOT_NOW


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Conversation(
            self.handler, data_size_limit=LARGEST, enable_SMTPUTF8=True, timeout=PATIENCE, ident="returns"
        )


def listen(paths: ReturnPaths, keep: Callable[[bytes, str], None], *, host: str, port: int) -> Controller:
    """A server that gives each mail and its recipient to `keep`, which raises when it could not.

    `start()` raises OSError for a port that is taken; `stop()` ends it, unanswered mails come again.
    """
    return _Controller(_Door(paths, keep), hostname=host, port=port)
