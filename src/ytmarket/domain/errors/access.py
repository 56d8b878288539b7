"""Refusals at the door: keys, addresses, rates, signatures and requests sent twice."""

from __future__ import annotations

from typing import Any

import attrs

from ytmarket.domain.errors.base import Conflict, NotFound, Refused


@attrs.frozen(kw_only=True)
class InvalidKey(Refused):
    """The X-API-Key header is missing or names no live key."""

    code = "invalid_api_key"


@attrs.frozen(kw_only=True)
class KeyNotFound(NotFound):
    """There is no key with this fingerprint."""

    code = "key_not_found"


@attrs.frozen(kw_only=True)
class KeyRevoked(Conflict):
    """This key was revoked and opens nothing any more; replace it to give its account another one."""

    code = "key_revoked"


@attrs.frozen(kw_only=True)
class AddressNotAllowed(Refused):
    """This key may not be used from this address."""

    code = "ip_not_allowed"


@attrs.frozen(kw_only=True)
class RateLimited(Refused):
    """Too many requests in the last 60 seconds; try again after the time in Retry-After."""

    code = "rate_limited"
    retry_after: int


@attrs.frozen(kw_only=True)
class InvalidSignature(Refused):
    """This key has a secret, so a POST needs X-Timestamp and a valid X-Signature."""

    code = "invalid_signature"
    reason: str

    def extras(self) -> dict[str, Any]:
        return {}


@attrs.frozen(kw_only=True)
class SignatureReplayed(Refused):
    """This signature was used before: sign again with another timestamp, or send an Idempotency-Key."""

    code = "signature_replayed"


@attrs.frozen(kw_only=True)
class IdempotencyMismatch(Refused):
    """This Idempotency-Key was used with another request; use a new key for a new request."""

    code = "idempotency_key_reused"


@attrs.frozen(kw_only=True)
class IdempotencyInFlight(Conflict):
    """A request with this Idempotency-Key is being carried out; ask again in a moment."""

    code = "idempotency_in_flight"


@attrs.frozen(kw_only=True)
class AccountFrozen(Conflict):
    """This account is frozen until its books have been put right; nothing was moved, contact support."""

    code = "account_frozen"
