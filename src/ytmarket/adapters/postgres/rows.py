"""Rows of the database as the domain's values, and back."""

from __future__ import annotations

from typing import Any, Final

from ytmarket.domain.catalog import Product
from ytmarket.domain.ids import AccountId, ApiKeyId, OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.order_states import OrderStatus, RefundStatus
from ytmarket.domain.orders import Channel, Order

ORDER_COLUMNS: Final = (
    "orders.id, orders.channel, orders.account_id, orders.api_key_id, orders.product_id, orders.quantity,"
    " orders.price, orders.hits, orders.charged, orders.settled, orders.refunded, orders.status,"
    " orders.refund, orders.delivered, orders.webhook_url, orders.error_message, orders.created_at,"
    " orders.updated_at, orders.deadline_at"
)
"""What `order_of` reads, in its order; 19 columns."""

PRODUCT_COLUMNS: Final = (
    "product.id, product.sku, product.title, product.category, product.price, product.min_quantity,"
    " product.available"
)
"""What `product_of` reads, in its order; 7 columns."""


def order_of(row: tuple[Any, ...]) -> Order:
    """The order in a row that begins with `ORDER_COLUMNS`."""
    return Order(
        id=OrderId(row[0]),
        channel=Channel(row[1]),
        account_id=None if row[2] is None else AccountId(row[2]),
        api_key_id=None if row[3] is None else ApiKeyId(row[3]),
        product_id=ProductId(row[4]),
        quantity=row[5],
        price=Usdt(row[6]),
        hits=row[7],
        charged=Usdt(row[8]),
        settled=Usdt(row[9]),
        refunded=Usdt(row[10]),
        status=OrderStatus(row[11]),
        refund=RefundStatus(row[12]),
        delivered=row[13],
        webhook_url=row[14],
        error_message=row[15],
        created_at=row[16],
        updated_at=row[17],
        deadline_at=row[18],
    )


def product_of(row: tuple[Any, ...]) -> Product:
    """The product in a row that begins with `PRODUCT_COLUMNS`."""
    return Product(
        id=ProductId(row[0]),
        sku=row[1],
        title=row[2],
        category=row[3],
        price=Usdt(row[4]),
        min_quantity=row[5],
        available=row[6],
    )
