"""Where a hook may be: which URLs we post to, and which addresses their names may lead to.

The scheme says which network is meant. https is the internet, and leads to no machine of ours, whatever
a name resolves to; http is the operator's own network, and plain text never leaves it.
"""

from ipaddress import IPv4Address, IPv6Address, ip_network

import httpx

from newsletter.internet import is_public, resolve

#: one's own machines; not 169.254.0.0/16, where clouds keep their machines' keys
_INTERNAL = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
]
#: characters
LONGEST = 2000


class BadDestination(ValueError):
    """Nothing is posted to this URL; the message says why, and what would do."""


def parse_url(text: str, *, internal: bool) -> httpx.URL:
    """The URL in `text`, without looking up its name. Raises BadDestination."""
    # a backslash, a space or a name with @ is read differently by different programs
    if not text.isascii() or len(text) > LONGEST or any(sign in " \\#" or sign < " " for sign in text):
        raise BadDestination("a URL is plain ASCII without spaces, backslashes and #")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BadDestination(f"this is no URL: {error}") from None
    if url.scheme not in ("https", "http") or not url.host or url.userinfo:
        raise BadDestination("write it as https://name/path, without a user or a password")
    if url.port is not None and not 0 < url.port < 2**16:
        raise BadDestination(f"there is no port {url.port}")
    if internal != (url.scheme == "http"):
        raise BadDestination(
            "http:// is for your own network, and wants --internal; anywhere else use https://"
            if url.scheme == "http"
            else "--internal is for your own network, and goes by http://"
        )
    return url


def addresses(url: httpx.URL) -> list[str]:
    """Where the name of the URL leads. Raises BadDestination when any of it is not where it may lead.

    Connect to what it returns and look up nothing again: the next answer may be another.
    """
    try:
        found = resolve(url.host, url.port)
    except (OSError, UnicodeError):
        raise BadDestination("its name cannot be resolved") from None
    internal = url.scheme == "http"
    for address in found:
        if internal and not _is_internal(address):
            raise BadDestination(f"it leads to {address}, which is not in your own network: use https://")
        if not internal and not is_public(address):
            raise BadDestination(
                f"it leads to {address}, which is no public address: "
                "in your own network use http:// and --internal"
            )
    return list(map(str, found))


def _is_internal(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _INTERNAL)
