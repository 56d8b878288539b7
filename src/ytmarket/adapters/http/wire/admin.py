"""What operators say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from ytmarket.adapters.http.wire.bodies import Body, read
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.money import Amount
from ytmarket.adapters.http.wire.queries import Parameters, read_paging
from ytmarket.application.ports.queries import Paging
from ytmarket.domain import limits
from ytmarket.domain.api_keys import AddressRange, parse_range
from ytmarket.domain.catalog import Product
from ytmarket.domain.deposits import DepositStatus, UnmatchedReason
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt

PRICE_MAX: Final = Usdt.of(1_000_000)
UNITS_MAX: Final = 100_000

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.NAME_CHARS_MAX)]
Ranges = Annotated[list[str], msgspec.Meta(max_length=limits.RANGES_MAX)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.REASON_CHARS_MAX)]


class MintBody(Body, frozen=True, kw_only=True):
    """POST /api-keys."""

    label: Name
    with_secret: bool | None = None
    ip_whitelist: Ranges | None = None

    @property
    def allowed(self) -> tuple[AddressRange, ...]:
        """Raises `InvalidRequest`."""
        return _ranges(self.ip_whitelist or ())


class WhitelistBody(Body, frozen=True, kw_only=True):
    """PUT /api-keys/{fp}/ip-whitelist. An empty list lets everybody in."""

    ip_whitelist: Ranges

    @property
    def allowed(self) -> tuple[AddressRange, ...]:
        """Raises `InvalidRequest`."""
        return _ranges(self.ip_whitelist)


class CreditBody(Body, frozen=True, kw_only=True):
    """POST /api-keys/{fp}/credit. A negative amount is a debit."""

    amount_usdt: Amount
    reason: Reason


class DepositCreditBody(Body, frozen=True, kw_only=True):
    """POST /deposits/{id}/credit. Without a top-up named, the nearest unpaid one is meant."""

    fp: Name
    reason: Reason
    topup_id: Name | None = None


class DepositCorrectBody(Body, frozen=True, kw_only=True):
    """POST /deposits/{id}/correct. The key whose account should have been credited."""

    fp: Name
    reason: Reason


class ProductBody(Body, frozen=True, kw_only=True):
    """PUT /products/{id}."""

    sku: Name
    title: Name
    category: Name
    price_usdt: Amount
    min_quantity: Annotated[int, msgspec.Meta(ge=1, le=limits.QUANTITY_MAX)] | None = None


class StockBody(Body, frozen=True, kw_only=True):
    """POST /products/{id}/stock."""

    units: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=UNITS_MAX)]


class ReasonBody(Body, frozen=True, kw_only=True):
    """What moves money is given a reason."""

    reason: Reason


class OptionalReasonBody(Body, frozen=True, kw_only=True):
    """What moves no money may be given a reason."""

    reason: Reason | None = None


def read_product(product_id: ProductId, body: bytes) -> Product:
    """Raises `InvalidRequest`; whether it can be sold at all is for the catalogue to say."""
    told = read(ProductBody, body)
    price = told.price_usdt.usdt
    if not price.is_whole_cents:
        raise InvalidRequest(pointer="/price_usdt", problem="must have at most two decimals")
    if price > PRICE_MAX:
        raise InvalidRequest(pointer="/price_usdt", problem=f"must be at most {PRICE_MAX}")
    return Product(
        id=product_id,
        sku=told.sku,
        title=told.title,
        category=told.category,
        price=price,
        min_quantity=told.min_quantity or 1,
    )


def read_units(body: bytes) -> list[bytes]:
    """Each unit as compact JSON, its members in the order that they were sent in."""
    return [encode(unit) for unit in read(StockBody, body).units]


def read_optional_reason(body: bytes) -> str | None:
    """The reason in a body that may be left out. Raises `InvalidRequest`."""
    return read(OptionalReasonBody, body).reason if body.strip() else None


def read_deposits_query(query_string: bytes) -> tuple[DepositStatus, bool, Paging]:
    """Which deposits are asked for, and whether it is the dust among them. Raises `InvalidRequest`."""
    given = Parameters.of(query_string)
    status = given.choice("status", list(DepositStatus), DepositStatus.UNMATCHED)
    dust = given.choice("reason", [UnmatchedReason.DUST], None) is not None
    return DepositStatus(status), dust, read_paging(query_string)


def _ranges(words: Sequence[str]) -> tuple[AddressRange, ...]:
    return tuple(parse_range(text, f"/ip_whitelist/{position}") for position, text in enumerate(words))
