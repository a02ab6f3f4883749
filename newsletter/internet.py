"""Reaching machines on the internet by addresses that were looked at, so that no name leads back to us."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpx

#: what IPv6 gives out to machines (RFC 4291 §2.4), but for what leads back to IPv4: Teredo and 6to4
_IPV6 = ip_network("2000::/3")
_TUNNELS = [ip_network("2001::/23"), ip_network("2002::/16")]


def resolve(host: str, port: int | None) -> list[IPv4Address | IPv6Address]:
    """The addresses of a name, each once. Raises OSError or UnicodeError where it has none.

    Connect to what it returns and look up nothing again: the next answer may be another.
    """
    found = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)
    return [ip_address(text) for text in dict.fromkeys(str(address[0]) for *_, address in found)]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is some machine on the internet. Python's `is_global` alone lets too much pass."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return True
    return address in _IPV6 and not any(address in network for network in _TUNNELS)


def request_to(
    web: httpx.AsyncClient,
    address: str,
    method: str,
    url: httpx.URL,
    headers: dict[str, str],
    content: bytes | None = None,
) -> httpx.Request:
    """A request for `url` that connects to `address`, whatever its name leads to by then."""
    pinned: dict[str, Any] = {"sni_hostname": url.host}  # the certificate is that of the name
    return web.build_request(
        method,
        url.copy_with(host=address),
        headers={**headers, "host": url.netloc.decode()},
        content=content,
        extensions=pinned,
    )
