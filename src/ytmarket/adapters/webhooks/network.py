"""The one way out: a network that connects to vetted addresses only, below TLS and HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final

import attrs
from httpcore2 import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError

from ytmarket.adapters.webhooks import guard
from ytmarket.adapters.webhooks.guard import Address, ForbiddenAddress
from ytmarket.adapters.webhooks.resolver import Resolver

CANDIDATES_MAX: Final = 4  # of a name's addresses, all of which were vetted
CONNECT_SECONDS: Final = 3.0  # for each, so that a dead first one leaves time for the next


@attrs.frozen(kw_only=True)
class GuardedNetwork(AsyncNetworkBackend):
    """Resolves once, vets every answer, dials the very address that was vetted, and looks who answered.

    One for each attempt, closed at its end.
    The layers above keep the name: Host header, SNI and certificate are the URL's.
    """

    resolver: Resolver
    allow_private: bool = False
    dial: AsyncNetworkBackend = attrs.field(factory=AnyIOBackend)
    _opened: list[AsyncNetworkStream] = attrs.field(factory=list, init=False)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Raises `ForbiddenAddress`, `Unresolvable`, or whatever the last address failed with."""
        failure: Exception = ConnectError("no address to connect to")
        for address in (await self._vetted(host))[:CANDIDATES_MAX]:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    stream = await self.dial.connect_tcp(
                        str(address), port, timeout, local_address, socket_options
                    )
            except (ConnectError, OSError) as error:  # TimeoutError is an OSError
                failure = error
                continue
            self._opened.append(stream)
            _check_peer(stream, address)
            return stream
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self.dial.sleep(seconds)

    async def close(self) -> None:
        """Close what was opened: a TLS handshake that is cancelled leaves its connection behind."""
        while self._opened:
            await self._opened.pop().aclose()

    async def _vetted(self, host: str) -> tuple[Address, ...]:
        spelled_out = guard.literal(host)
        addresses = (spelled_out,) if spelled_out is not None else await self.resolver.addresses(host)
        if not self.allow_private:
            guard.check(addresses)
        return addresses


def _check_peer(stream: AsyncNetworkStream, wanted: Address) -> None:
    """Before a byte is sent: does the connection lead where it should?"""
    peer = stream.get_extra_info("server_addr")
    if not isinstance(peer, tuple) or _peer_address(str(peer[0])) != wanted:
        raise ForbiddenAddress(f"asked for {wanted}, connected to {peer}")


def _peer_address(text: str) -> Address:
    """Without the zone that the system adds to a link-local address."""
    address = ip_address(text)
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
