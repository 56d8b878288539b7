"""A name server on loopback that answers as an attacker pleases."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any, Final

import attrs
from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSRecord  # type: ignore[import-untyped] # it has none

from ytmarket.adapters.webhooks.resolver import DnsResolver

DATA: Final[dict[str, Callable[[str], Any]]] = {
    "A": lambda text: A(tuple(ip_address(text).packed)),
    "AAAA": lambda text: AAAA(tuple(ip_address(text).packed)),
    "CNAME": CNAME,
}


@attrs.frozen
class Reply:
    """Records as (type, value), all of the asked name unless a third part names another."""

    records: tuple[tuple[str, ...], ...] = ()
    rcode: str = "NOERROR"
    raw: bytes | None = None
    truncated: bool = False  # over UDP: ask again by TCP


Zone = Callable[[str, str], Reply | None]  # name and type; None: silence


@attrs.define
class NameServer(asyncio.DatagramProtocol):
    zone: Zone
    queries: list[tuple[str, str]] = attrs.field(factory=list)
    port: int = 0
    _transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        answer = self._answer(data, udp=True)
        if answer is not None:
            self._transport.sendto(answer, addr)

    async def serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        answer = self._answer(await reader.readexactly(length), udp=False)
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    def _answer(self, data: bytes, *, udp: bool) -> bytes | None:
        question = DNSRecord.parse(data)
        name, kind = str(question.q.qname).rstrip("."), QTYPE[question.q.qtype]
        self.queries.append((name, kind))
        reply = self.zone(name, kind)
        if reply is None or reply.raw is not None:
            return None if reply is None else question.header.id.to_bytes(2, "big") + reply.raw
        answer = question.reply()
        answer.header.rcode = getattr(RCODE, reply.rcode)
        if udp and reply.truncated:
            answer.header.tc = 1
            return bytes(answer.pack())
        for type_, value, *owner in reply.records:
            rname = owner[0] if owner else question.q.qname
            answer.add_answer(RR(rname, getattr(QTYPE, type_), rdata=DATA[type_](value), ttl=0))
        return bytes(answer.pack())

    def resolver(self, lifetime_seconds: float = 2.0) -> DnsResolver:
        return DnsResolver(nameservers=("127.0.0.1",), port=self.port, lifetime_seconds=lifetime_seconds)


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[NameServer]:
    server = NameServer(zone)
    tcp, transport = await _same_port_twice(server)
    try:
        yield server
    finally:
        transport.close()
        tcp.close()


async def _same_port_twice(server: NameServer) -> tuple[asyncio.Server, asyncio.DatagramTransport]:
    """A port that is free for TCP may be taken for UDP; then another will do."""
    loop = asyncio.get_running_loop()
    for _ in range(20):
        tcp = await asyncio.start_server(server.serve_tcp, "127.0.0.1", 0)
        address = tcp.sockets[0].getsockname()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=address)
        except OSError:
            tcp.close()
        else:
            return tcp, transport
    raise AssertionError("no port was free for both")


def by_type(replies: Mapping[str, Reply | None]) -> Zone:
    """What to say to whoever asks for an A, and for an AAAA."""
    return lambda _name, kind: replies[kind]


def always(*records: tuple[str, ...]) -> Zone:
    """The same records, each to whoever asks for its type; aliases to everybody."""
    return lambda _name, kind: Reply(tuple(record for record in records if record[0] in {kind, "CNAME"}))
