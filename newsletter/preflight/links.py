"""Follow links as a reader would, bounded, and to no machine of ours, wherever they lead.

Nothing of a page is read but its status. Each address is looked at before it is connected to, at every
redirect, and is the one that is connected to.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Callable, Sequence

import httpx

from newsletter.internet import is_public, request_to, resolve
from newsletter.preflight.followed import Followed, Trouble

#: seconds for one answer, from the name's look-up on
TIMEOUT = 5.0
#: links on their way at one time; to one host always one
AT_ONCE = 8
REDIRECTS = 5
#: links of one issue
MOST = 200
#: after so many without any answer nobody waits for the others
ENOUGH = 16

#: to these, HEAD is answered otherwise than GET by many
_ASK_AGAIN = range(400, 600)
_HEADERS = {"user-agent": "race-to-agi-newsletter", "accept": "text/html,*/*;q=0.5"}


class Offline(Exception):
    """Nothing answers anywhere: there is no network, or it lets nothing out."""


def follow(urls: Sequence[str], told: Callable[[Followed], None]) -> None:
    """Follow each link once and tell what came of it, as soon as that is known.

    Raises Offline; what was told before it then means nothing.
    """
    asyncio.run(_follow_all(urls[:MOST], told))


async def _follow_all(urls: Sequence[str], told: Callable[[Followed], None]) -> None:
    hosts: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    free = asyncio.Semaphore(AT_ONCE)
    silent, heard = 0, False
    # no proxy and no password out of the environment
    async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as web:
        asking = [asyncio.create_task(_follow(web, url, hosts, free)) for url in urls]
        try:
            for answer in asyncio.as_completed(asking):
                followed = await answer
                heard |= followed.status is not None
                silent += followed.status is None and followed.trouble is not Trouble.PRIVATE
                if silent >= ENOUGH and not heard:
                    raise Offline
                told(followed)
        finally:
            for task in asking:
                task.cancel()
    if silent and not heard:
        raise Offline


async def _follow(
    web: httpx.AsyncClient, url: str, hosts: defaultdict[str, asyncio.Lock], free: asyncio.Semaphore
) -> Followed:
    here = url
    for _ in range(REDIRECTS + 1):
        led_to = None if here == url else here
        try:
            target = httpx.URL(here)
            async with hosts[target.host], free, asyncio.timeout(TIMEOUT):
                status, location = await _ask(web, target)
            following = str(target.join(location)) if location else None
        except (httpx.InvalidURL, UnicodeError):
            return Followed(url, led_to=led_to, trouble=Trouble.NO_NAME)
        except (httpx.HTTPError, OSError) as error:
            return Followed(url, led_to=led_to, trouble=_trouble(error))
        if following is None:
            return Followed(url, status, led_to)
        here = following
    return Followed(url, led_to=here, trouble=Trouble.ENDLESS)


class _Private(OSError):
    """The name leads to a machine that no reader can reach."""


async def _ask(web: httpx.AsyncClient, url: httpx.URL) -> tuple[int, str | None]:
    """The status, and where it sends us on."""
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise _Private
    found = await asyncio.to_thread(resolve, url.host, url.port)
    if not found or not all(map(is_public, found)):
        raise _Private
    answer = await _send(web, "HEAD", url, str(found[0]))
    if answer.status_code in _ASK_AGAIN:
        answer = await _send(web, "GET", url, str(found[0]))
    return answer.status_code, answer.headers.get("location") if answer.is_redirect else None


async def _send(web: httpx.AsyncClient, method: str, url: httpx.URL, address: str) -> httpx.Response:
    request = request_to(web, address, method, url, _HEADERS)
    answer = await web.send(request, stream=True, follow_redirects=False)
    await answer.aclose()
    return answer


def _trouble(error: Exception) -> Trouble:
    match error:
        case _Private():
            return Trouble.PRIVATE
        case socket.gaierror():
            unknown = error.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
            return Trouble.NO_NAME if unknown else Trouble.NO_NETWORK
        case TimeoutError() | httpx.TimeoutException():
            return Trouble.SLOW
        case _ if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Trouble.CERTIFICATE
        case _:
            return Trouble.REFUSED
