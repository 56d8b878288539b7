"""Webhooks over HTTP, sent to addresses that strangers chose."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Final

import attrs
import httpx2
import structlog
from httpcore2 import URL, AnyIOBackend, AsyncHTTPConnection, AsyncNetworkBackend, Request, Response

from ytmarket.adapters.webhooks.network import GuardedNetwork
from ytmarket.adapters.webhooks.resolver import DnsResolver, Resolver
from ytmarket.domain.limits import WEBHOOK_TIMEOUT

ANSWER_BYTES_MAX: Final = 65_536
ANSWER_SECONDS: Final = 1.0  # for the answer's body, once its status is known
SCHEMES: Final = (b"http", b"https")
USER_AGENT: Final = b"ytmarket-webhooks"
# What belongs to the connection is the sender's to say.
OWN_HEADERS: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})

log = structlog.get_logger(__name__)


class NotSendable(Exception):
    """This is no URL that a webhook can be sent to."""


def tls_context() -> ssl.SSLContext:
    """Certificates and names are verified, always; nothing below TLS 1.2; no say of the environment."""
    context = httpx2.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@attrs.frozen(kw_only=True)
class GuardedSender:
    """The WebhookSender port. One connection an attempt, no redirects, cookies or proxies.

    *allow_private* is for development: it lets webhooks reach this machine and its network.
    """

    resolver: Resolver = attrs.field(factory=DnsResolver)
    allow_private: bool = False
    deadline_seconds: float = WEBHOOK_TIMEOUT.total_seconds()
    tls: ssl.SSLContext = attrs.field(factory=tls_context, repr=False)
    dial: AsyncNetworkBackend = attrs.field(factory=AnyIOBackend, repr=False)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        try:
            return await self._exchange(url, body, headers)
        except Exception as error:  # noqa: BLE001 - a hostile server, certificate or name server may raise anything
            # Neither path nor query: receivers keep secrets there.
            log.info("webhook_unanswered", host=_host_of(url), error=type(error).__name__, reason=str(error))
            return None

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        request = _request(url, body, headers)
        network = GuardedNetwork(resolver=self.resolver, allow_private=self.allow_private, dial=self.dial)
        connection = AsyncHTTPConnection(request.url.origin, ssl_context=self.tls, network_backend=network)
        try:
            async with asyncio.timeout(self.deadline_seconds) as whole:
                response = await connection.handle_async_request(request)
            await _drop_body(response, until=whole.when())
            return response.status
        finally:
            await connection.aclose()
            await network.close()


def _request(url: str, body: bytes, headers: Mapping[str, str]) -> Request:
    parsed = httpx2.URL(url)
    if parsed.raw_scheme not in SCHEMES or not parsed.raw_host or parsed.userinfo or parsed.port == 0:
        raise NotSendable("it is not an absolute http or https URL without credentials")
    ours = [
        (b"Host", parsed.netloc),
        (b"User-Agent", USER_AGENT),
        (b"Content-Length", b"%d" % len(body)),
        (b"Connection", b"close"),
    ]
    theirs = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    return Request(
        "POST",
        URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path),
        headers=ours + [(name, value) for name, value in theirs if name.lower() not in OWN_HEADERS],
        content=body,
        # The dot of an absolute name is in no certificate.
        extensions={"sni_hostname": parsed.raw_host.decode("ascii").removesuffix(".")},
    )


async def _drop_body(response: Response, until: float | None) -> None:
    """Read a little, so that an honest receiver is not cut off in mid-sentence."""
    enough = asyncio.get_running_loop().time() + ANSWER_SECONDS
    left = ANSWER_BYTES_MAX
    with suppress(Exception):  # the status is known already; nothing here can change it
        async with (
            asyncio.timeout_at(enough if until is None else min(enough, until)),
            aclosing(response.aiter_stream()) as parts,
        ):
            async for part in parts:
                left -= len(part)
                if left <= 0:
                    break


def _host_of(url: str) -> str:
    with suppress(Exception):
        return httpx2.URL(url).host
    return "?"
