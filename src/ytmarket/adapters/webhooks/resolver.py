"""From a host's name to all of its addresses, each time anew."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol

import attrs
from dns.asyncbackend import get_backend
from dns.asyncresolver import Resolver as StubResolver
from dns.exception import DNSException
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN

from ytmarket.adapters.webhooks.guard import Address

HOSTS_FILE: Final = Path("/etc/hosts")
LIFETIME_SECONDS: Final = 4.0
TRY_SECONDS: Final = 1.0
LOOPBACK: Final = (ip_address("127.0.0.1"), ip_address("::1"))


class Unresolvable(Exception):
    """The name has no address, or nobody who knows it answered in time."""


class Resolver(Protocol):
    """Where the sender learns of addresses."""

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """All addresses of a name, at least one. Raises `Unresolvable`."""
        ...


@attrs.frozen(kw_only=True)
class DnsResolver:
    """Asks the machine's hosts file, then the name servers of its resolv.conf.

    Not by getaddrinfo: that blocks a thread for as long as a name server pleases, and a few dead
    domains would soon hold all threads. The two files are read anew each time, since they change.
    """

    nameservers: tuple[str, ...] | None = None  # None: those of the machine
    port: int = 53
    lifetime_seconds: float = LIFETIME_SECONDS
    hosts_file: Path = HOSTS_FILE

    async def addresses(self, host: str) -> tuple[Address, ...]:
        name = host.removesuffix(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return LOOPBACK
        found = self._from_file(name) or await self._from_dns(name)
        if not found:
            raise Unresolvable(f"{name} has no address")
        return found

    def _from_file(self, name: str) -> tuple[Address, ...]:
        try:
            text = self.hosts_file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ()
        lines = (line.partition("#")[0].lower().split() for line in text.splitlines())
        return tuple(ip_address(line[0]) for line in lines if name in line[1:] and _is_address(line[0]))

    async def _from_dns(self, name: str) -> tuple[Address, ...]:
        """IPv4 first. A family that fails does not spoil the other: only what was found is ever used."""
        stub = self._stub(name)
        kinds = (RdataType.A, RdataType.AAAA)
        answers = await asyncio.gather(*(_ask(stub, name, kind) for kind in kinds), return_exceptions=True)
        found = [address for answer in answers if isinstance(answer, list) for address in answer]
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures and not found:
            raise Unresolvable(f"{name}: {type(failures[0]).__name__}") from failures[0]
        return tuple(found)

    def _stub(self, name: str) -> StubResolver:
        try:
            stub = StubResolver(configure=self.nameservers is None)
        except (DNSException, OSError) as error:
            raise Unresolvable(f"{name}: this machine names no name server") from error
        if self.nameservers is not None:
            stub.nameservers = list(self.nameservers)
            stub.port = self.port
        stub.lifetime = self.lifetime_seconds
        stub.timeout = min(TRY_SECONDS, self.lifetime_seconds)  # a datagram may be lost
        return stub


async def _ask(stub: StubResolver, name: str, kind: RdataType) -> list[Address]:
    try:
        answer = await stub.resolve(
            name, kind, raise_on_no_answer=False, search=False, backend=get_backend("asyncio")
        )
    except NXDOMAIN:
        return []
    return [ip_address(record.to_text()) for record in answer.rrset or ()]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
