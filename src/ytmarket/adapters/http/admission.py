"""Who may ask: the checks before a client's request, in the order in which they are promised.

Key, then address, then rate, then signature. A signature that was verified is used up, whatever
becomes of its request; see `refuse_path`.
"""

from __future__ import annotations

import contextlib
from typing import Final

import attrs
from starlette.responses import Response

from ytmarket.adapters.http.client_address import client_address
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.exchange import Exchange
from ytmarket.adapters.http.rates import count_refusal, count_request
from ytmarket.adapters.http.refusals import PathNotFound
from ytmarket.application.requests import Origin
from ytmarket.application.services import Services
from ytmarket.domain import limits
from ytmarket.domain.api_keys import ApiKey
from ytmarket.domain.errors import AddressNotAllowed, InvalidKey, InvalidRequest, RateLimited
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.signatures import UsedSignature

KEY: Final = b"x-api-key"
TIMESTAMP: Final = b"x-timestamp"
SIGNATURE: Final = b"x-signature"
IDEMPOTENCY_KEY: Final = b"idempotency-key"


@attrs.frozen(kw_only=True)
class ClientRequest:
    """A request whose sender is known. A POST has its body, and its signature if the key signs."""

    services: Services
    exchange: Exchange
    key: ApiKey
    body: bytes = b""
    signature: UsedSignature | None = None

    def origin(self, attempt: Attempt | None = None) -> Origin:
        return Origin(
            account_id=self.key.account_id,
            api_key_id=self.key.id,
            attempt=attempt,
            signature=self.signature,
        )


async def admit_client(door: Door, exchange: Exchange) -> ClientRequest:
    """Raises `InvalidKey`, `AddressNotAllowed`, `RateLimited` and, for a POST, `InvalidSignature`."""
    services = door.holder.open_services()
    key = await _known_key(door, services, exchange)
    await count_request(services, key, exchange)
    if exchange.method != "POST":
        return ClientRequest(services=services, exchange=exchange, key=key)
    body = await exchange.body(limits.BODY_BYTES_MAX)
    signature = services.authenticator.signature(
        key, exchange.header(TIMESTAMP), exchange.header(SIGNATURE), body
    )
    return ClientRequest(services=services, exchange=exchange, key=key, body=body, signature=signature)


async def _known_key(door: Door, services: Services, exchange: Exchange) -> ApiKey:
    try:
        key = await services.authenticator.key(exchange.header(KEY))
    except InvalidKey:
        await count_refusal(door, services, exchange)
        raise
    exchange.caller = key.fp
    if key.allowed:
        try:
            key.check_address(client_address(exchange.scope, door.trusted_proxies))
        except AddressNotAllowed:
            # A good key never reads 429 for strangers' sake; every answer tells an allowance, though.
            with contextlib.suppress(RateLimited):
                await count_refusal(door, services, exchange)
            raise
    return key


async def read_attempt(request: ClientRequest, path: str) -> Attempt | None:
    """The attempt that the Idempotency-Key names. *path* is the API's own, wherever it is mounted.

    Raises `InvalidRequest`, and then has used the signature up.
    """
    key = request.exchange.header(IDEMPOTENCY_KEY)
    if key is None:
        return None
    try:
        return Attempt.of(key, path, request.body)
    except InvalidRequest:
        await use_signature(request)
        raise


async def use_signature(request: ClientRequest) -> None:
    """For a POST that is refused before any service sees it. Raises `SignatureReplayed`."""
    if request.signature is not None:
        await request.services.requests.use_up(request.origin())


async def refuse_path(request: ClientRequest) -> Response:
    """There is nothing here, which only who has a key is told."""
    await use_signature(request)
    raise PathNotFound
