"""A real DNS server for the tests, on a port of its own, with the TXT records that a test gives it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset


@dataclass
class DnsServer:
    texts: dict[str, list[str]] = field(default_factory=dict)
    #: names for which it says that something is broken
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def answer(self, query: dns.message.QueryMessage) -> dns.message.Message:
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.texts:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            # a string in a record has at most 255 octets; DKIM's keys stand in several
            records = [
                " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
                for text in self.texts[name]
            ]
            if records:
                response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", "TXT", records))
        return response


@contextmanager
def dns_server() -> Iterator[tuple[DnsServer, dns.resolver.Resolver]]:
    """A running server, and a resolver that asks only this one."""
    server = DnsServer()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        resolver.port = door.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(server, door))
        thread.start()
        try:
            yield server, resolver
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
                bell.sendto(b"", ("127.0.0.1", resolver.port))
            thread.join()


def _serve(server: DnsServer, door: socket.socket) -> None:
    while True:
        asked, whom = door.recvfrom(4096)
        if not asked:
            return
        query = dns.message.from_wire(asked)
        assert isinstance(query, dns.message.QueryMessage)
        door.sendto(server.answer(query).to_wire(max_size=65535), whom)
