"""A real web server for the tests: one for all of them, each with an application of its own."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


class WebServer:
    """What the socket at `url` serves is `app`, whatever a test has put there."""

    app: ASGIApp

    def __init__(self, url: str) -> None:
        self.url = url
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._under_way -= 1

    def rest(self) -> None:
        """Wait until what was asked is done, with all that is done after the answer."""
        while self._under_way:
            time.sleep(0.005)


@contextmanager
def web_server() -> Iterator[WebServer]:
    """A server on a free port of this machine; closed when the block ends."""
    # asyncio sends at once what it writes only where it knows that this is TCP; else each answer waits 40 ms
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        stage = WebServer("http://{}:{}".format(*listening.getsockname()))
        server = uvicorn.Server(
            uvicorn.Config(stage, lifespan="off", ws="none", access_log=False, log_config=None)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield stage
        server.should_exit = True
        thread.join()
