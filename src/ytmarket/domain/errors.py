"""Everything the shop can refuse, each with the code a client sees.

    ShopError
    ├── InvalidAmount, InvalidValue          the words themselves are wrong
    └── Refused                              a request that cannot be granted
        ├── NotFound                         ...because what it names is not there
        └── Conflict                         ...because of how things stand now

A refusal changes nothing. Its docstring is the sentence people read; its fields are what they
need in order to go on. The order of checks, hence which refusal wins, is told in `shop`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import attrs


class ShopError(Exception):
    """Something about the shop's rules."""

    def __str__(self) -> str:
        return ": ".join([type(self).sentence(), *(str(arg) for arg in self.args)])

    @classmethod
    def sentence(cls) -> str:
        return (cls.__doc__ or cls.__name__).partition("\n")[0].rstrip(".")


class InvalidAmount(ShopError, ValueError):
    """This is not an amount of USDT with at most six decimals."""


class InvalidValue(ShopError, ValueError):
    """This value cannot be used."""


@attrs.frozen(eq=True, init=True, kw_only=True)
class Refused(ShopError):
    """The request cannot be granted."""

    code: ClassVar[str] = "refused"

    def __str__(self) -> str:
        return type(self).sentence()

    def extras(self) -> dict[str, Any]:
        """What the client needs to go on: field name to value, in the domain's own types."""
        fields = attrs.fields_dict(type(self))
        return {
            name: value for name in fields if (value := getattr(self, name)) is not None
        }


@attrs.frozen(kw_only=True)
class InvalidRequest(Refused):
    """The request does not say what it must, or says it in a wrong way."""

    code = "invalid_request"
    pointer: str
    problem: str
    offered: tuple[str, ...] | None = None

    def extras(self) -> dict[str, Any]:
        return {} if self.offered is None else {"networks": self.offered}


@attrs.frozen(kw_only=True)
class NotFound(Refused):
    """There is no such thing, or it is not yours."""

    code = "not_found"


@attrs.frozen(kw_only=True)
class ProductNotFound(NotFound):
    """There is no product with this id."""

    code = "product_not_found"


@attrs.frozen(kw_only=True)
class OrderNotFound(NotFound):
    """You have no order with this id."""

    code = "order_not_found"


@attrs.frozen(kw_only=True)
class TopupNotFound(NotFound):
    """You have no top-up with this id."""

    code = "topup_not_found"


@attrs.frozen(kw_only=True)
class KeyNotFound(NotFound):
    """There is no key with this fingerprint."""

    code = "key_not_found"


@attrs.frozen(kw_only=True)
class DepositNotFound(NotFound):
    """There is no deposit with this id."""

    code = "deposit_not_found"


@attrs.frozen(kw_only=True)
class EventNotFound(NotFound):
    """There is no webhook event with this id."""

    code = "event_not_found"


@attrs.frozen(kw_only=True)
class InvalidKey(Refused):
    """The X-API-Key header is missing or names no live key."""

    code = "invalid_api_key"


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
class InvoicesUnavailable(Refused):
    """Paying by invoice is not available; use payment_method "balance"."""

    code = "invoice_not_implemented"


@attrs.frozen(kw_only=True)
class BelowMinimum(Refused):
    """This product is sold in larger quantities; order at least min_quantity units."""

    code = "below_minimum"
    min_quantity: int


@attrs.frozen(kw_only=True)
class InsufficientBalance(Refused):
    """The balance does not cover the price; top up and order again."""

    code = "insufficient_balance"
    balance_usdt: Any
    required_usdt: Any
    shortfall_usdt: Any


@attrs.frozen(kw_only=True)
class Conflict(Refused):
    """How things stand now does not allow this."""

    code = "conflict"


@attrs.frozen(kw_only=True)
class IdempotencyInFlight(Conflict):
    """A request with this Idempotency-Key is being carried out; ask again in a moment."""

    code = "idempotency_in_flight"


@attrs.frozen(kw_only=True)
class InsufficientStock(Conflict):
    """There are not so many units in stock."""

    code = "insufficient_stock"
    available: int


@attrs.frozen(kw_only=True)
class PriceChanged(Conflict):
    """The price is above your max_price_usdt; nothing was charged."""

    code = "price_changed"
    price_usdt: Any


@attrs.frozen(kw_only=True)
class AmountTaken(Conflict):
    """This amount is awaited from somebody else; ask for next_amount_usdt or for another one."""

    code = "amount_taken"
    next_amount_usdt: Any = None


@attrs.frozen(kw_only=True)
class NoFreeAmount(Conflict):
    """No amount near this price is free on this network now; try again in a few minutes."""

    code = "no_free_amount"


@attrs.frozen(kw_only=True)
class TooManyOpenTopups(Conflict):
    """You have too many unpaid top-ups open; pay one or wait until one expires."""

    code = "too_many_open_topups"
    limit: int


@attrs.frozen(kw_only=True)
class TooManyUnpaidTopups(Conflict):
    """Too many of your top-ups expired unpaid in the last day; wait, or pay one that is open."""

    code = "too_many_unpaid_topups"
    limit: int


@attrs.frozen(kw_only=True)
class Overdrawn(Conflict):
    """The balance does not reach for this debit."""

    code = "overdrawn"


@attrs.frozen(kw_only=True)
class AccountFrozen(Conflict):
    """This account is frozen; contact support."""

    code = "account_frozen"


@attrs.frozen(kw_only=True)
class AlreadyDone(Conflict):
    """This was done before and happens only once."""

    code = "already_done"


@attrs.frozen(kw_only=True)
class DuplicateUnit(Conflict):
    """A unit with the same content is in stock already, or was sold before; nothing was added."""

    code = "duplicate_unit"
    position: int


@attrs.frozen(kw_only=True)
class IllegalMove(Conflict):
    """The order cannot make this move from the state it is in."""

    code = "illegal_order_move"
    status: str
    move: str
