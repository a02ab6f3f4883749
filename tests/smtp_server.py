"""A real SMTP server for the tests, on a port of its own, that can be told to make trouble."""

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.mails import Received, read_message

FOREVER = 3600.0


class Silence(Enum):
    HANG_UP = "the connection is cut"
    HANG = "nothing is answered any more"


#: what to answer instead of yes: a whole reply line, or none at all
Trouble = str | Silence


class SmtpStandIn:
    """Accepts every mail and remembers it, but for the troubles it is told to make."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[Received] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.connections = 0
        self.signed_in: list[str] = []
        #: whether commands are taken in groups (RFC 2920)
        self.pipelining = True
        #: said instead of looking at the password
        self.sign_in_reply: str | None = None
        self._troubles: dict[tuple[str, str], Trouble] = {}

    def make_trouble(self, stage: str, trouble: Trouble, *, to: str) -> None:
        """At `stage` (RCPT, DATA or DOT) of a mail to `to`; at MAIL, `to` is the sender."""
        self._troubles[stage, to] = trouble

    async def _answer(self, stage: str, address: str, server: SMTP) -> str | None:
        trouble = self._troubles.get((stage, address))
        if trouble is Silence.HANG_UP:
            assert server.transport is not None
            server.transport.close()
        if isinstance(trouble, Silence):
            await asyncio.sleep(FOREVER)
            raise AssertionError("nobody waits so long")
        return trouble

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return ["250-PIPELINING", *answers] if self.pipelining else answers

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer("MAIL", address, server) or "250 2.1.0 ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        trouble = await self._answer("RCPT", address, server)
        if trouble is None:
            envelope.rcpt_tos.append(address)
        return trouble or "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        trouble = await self._answer("DOT", envelope.rcpt_tos[0], server)
        if trouble is None:
            assert isinstance(envelope.original_content, bytes)
            assert envelope.mail_from is not None
            self.received.append(read_message(envelope.original_content))
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return trouble or "250 2.0.0 Ok: queued as 4F3C"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.signed_in.append(data.login.decode())
        if self.sign_in_reply:
            return AuthResult(success=False, handled=False, message=self.sign_in_reply)
        return AuthResult(success=data.password == b"open sesame", handled=False)


class _Server(SMTP):
    """aiosmtpd, with a say before the body as well."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        handler = self.event_handler
        assert isinstance(handler, SmtpStandIn)
        assert self.envelope is not None
        recipients = self.envelope.rcpt_tos
        trouble = await handler._answer("DATA", recipients[0], self) if recipients else None
        if trouble is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(trouble)


@contextmanager
def smtp_server(*, tls: ssl.SSLContext | None = None) -> Iterator[SmtpStandIn]:
    """A running server; with `tls` it demands STARTTLS and a sign-in, whose password is `open sesame`."""
    # what the server writes down is no log of ours
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    stand_in = SmtpStandIn()
    loop = asyncio.new_event_loop()
    met: list[SMTP] = []

    def meet() -> SMTP:
        stand_in.connections += 1
        server = _Server(
            stand_in,
            hostname="mx.example",
            authenticator=stand_in.authenticate,
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=tls is not None,
            loop=loop,
        )
        met.append(server)
        return server

    with _running(loop, meet, met) as port:
        stand_in.port = port
        yield stand_in


@contextmanager
def _running(loop: asyncio.AbstractEventLoop, meet: Callable[[], SMTP], met: list[SMTP]) -> Iterator[int]:
    server = loop.run_until_complete(loop.create_server(meet, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_leave(server, met), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _leave(server: asyncio.Server, met: list[SMTP]) -> None:
    """Close the door, and end the conversations that still hang or rest."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for conversation in met:
        if isinstance(conversation.transport, asyncio.WriteTransport):
            conversation.transport.abort()
    await asyncio.sleep(0.01)
