"""The three ways out, each with the other side running."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.mail import Provider
from newsletter.providers.folder import FolderProvider
from newsletter.providers.sendgrid import SendGridProvider
from newsletter.providers.smtp import SmtpProvider
from tests.mails import Received, read_message
from tests.sendgrid_stand_in import KEY, SendGridStandIn, sendgrid_api
from tests.smtp_server import SmtpStandIn, smtp_server
from tests.smtp_troubles import TroubledServer

#: the longest that a test waits for a silent other side
PATIENCE = timedelta(seconds=0.5)
#: looks well, and is refused
BAD = "gone@inbox.example"


@dataclass(frozen=True)
class Way:
    """A provider, and what the readers behind it have got."""

    provider: Provider
    received: Callable[[], list[Received]]
    #: an address that this way does not take
    bad_recipient: str


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def smtp() -> Iterator[SmtpStandIn]:
    with smtp_server() as server:
        server.make_trouble("RCPT", f"550 5.1.1 <{BAD}>: user unknown", to=BAD)
        yield server


@pytest.fixture
def sendgrid() -> Iterator[SendGridStandIn]:
    with sendgrid_api() as api:
        api.refused.add(BAD)
        yield api


@pytest.fixture
def smtp_provider(smtp: SmtpStandIn) -> SmtpProvider:
    return SmtpProvider(f"smtp://127.0.0.1:{smtp.port}", timeout=PATIENCE)


@pytest.fixture
def sendgrid_provider(sendgrid: SendGridStandIn) -> SendGridProvider:
    return SendGridProvider(KEY, host=sendgrid.url, timeout=PATIENCE)


@pytest.fixture(params=[True, False], ids=["pipelining", "plain"])
def server(request: pytest.FixtureRequest) -> Iterator[TroubledServer]:
    """An SMTP server that makes trouble when it is told to."""
    with TroubledServer(pipelining=request.param).running() as server:
        yield server


@pytest.fixture
def provider(server: TroubledServer) -> SmtpProvider:
    return SmtpProvider(f"smtp://127.0.0.1:{server.port}", timeout=PATIENCE)


@pytest.fixture(params=["folder", "smtp", "sendgrid"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    if request.param == "folder":
        folder = tmp_path / "mail"
        return Way(
            FolderProvider(folder),
            lambda: [read_message(path.read_bytes()) for path in sorted(folder.glob("*.eml"))],
            "no address at all",
        )
    other_side: SmtpStandIn | SendGridStandIn = request.getfixturevalue(request.param)
    provider: Provider = request.getfixturevalue(f"{request.param}_provider")
    return Way(provider, lambda: other_side.received, BAD)
