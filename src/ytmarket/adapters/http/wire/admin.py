"""What operators say and are told."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from ytmarket.adapters.http.wire.bodies import Body, read
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.money import Amount
from ytmarket.application.api_keys import MintedKey
from ytmarket.domain import limits
from ytmarket.domain.api_keys import AddressRange, parse_range
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.times import epoch_seconds

PRICE_MAX: Final = Usdt.of(1_000_000)
UNITS_MAX: Final = 100_000

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.REASON_CHARS_MAX)]


class MintBody(Body, frozen=True, kw_only=True):
    """POST /api-keys."""

    label: Name
    with_secret: bool | None = None
    ip_whitelist: Annotated[list[str], msgspec.Meta(max_length=100)] | None = None

    @property
    def allowed(self) -> tuple[AddressRange, ...]:
        """Raises `InvalidRequest`."""
        words = enumerate(self.ip_whitelist or ())
        return tuple(parse_range(text, f"/ip_whitelist/{position}") for position, text in words)


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


class MintedKeyView(msgspec.Struct):
    """A key with what is shown only now."""

    fp: str
    key: str
    secret: str | None
    label: str
    created_at: int


class StockView(msgspec.Struct):
    """How many units were added, and how many are free now."""

    added: int
    available: int


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
    """Each unit as compact JSON, so that equal contents are equal bytes but for their members' order."""
    return [encode(unit) for unit in read(StockBody, body).units]


def minted_view(minted: MintedKey) -> MintedKeyView:
    """The one answer in which key and secret are seen."""
    record = minted.record
    return MintedKeyView(record.fp, minted.key, minted.secret, record.label, epoch_seconds(record.created_at))
