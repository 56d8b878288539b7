"""Products, and orders in every state that they can reach."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ytmarket.domain import orders as moves
from ytmarket.domain.catalog import Product
from ytmarket.domain.ids import AccountId, ApiKeyId, OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.order_states import OrderStatus, RefundStatus
from ytmarket.domain.orders import Channel, Order
from ytmarket.testing.strategies.amounts import NOON, amounts, cents, moments

_UNIT_PRICES: Final = amounts(min_value=Usdt(100), max_value=Usdt.of(500))
_STOCK: Final = st.integers(0, 50)
_PRICES: Final = cents(max_value=Usdt.of(5_000))
_QUANTITIES: Final = st.integers(1, 10_000)
_WHOLE: Final = moments(whole_seconds=True)
_ANY_STATUS: Final = st.sampled_from(OrderStatus)


def products(
    *, price: SearchStrategy[Usdt] = _UNIT_PRICES, available: SearchStrategy[int] = _STOCK
) -> SearchStrategy[Product]:
    """Goods at prices from a fraction of a cent to hundreds of USDT."""
    number = st.integers(1, 9)
    return st.builds(
        lambda number, price, least, available: Product(
            id=ProductId(number),
            sku=f"SKU-{number}",
            title=f"Product {number}",
            category="mail" if number % 2 else "social",
            price=price,
            min_quantity=least,
            available=available,
        ),
        number,
        price,
        st.integers(1, 20),
        available,
    )


@st.composite
def new_orders(
    draw: DrawFn,
    *,
    price: SearchStrategy[Usdt] = _PRICES,
    quantity: SearchStrategy[int] = _QUANTITIES,
    created_at: SearchStrategy[datetime] = _WHOLE,
) -> Order:
    """Paid orders in processing: a customer's, paid from its balance, or a website buyer's.

    A website buyer may have sent a cent more or less than the price: what arrived was charged.
    """
    total = draw(price)
    account = draw(st.none() | st.integers(1, 3).map(AccountId))
    at = draw(created_at)
    slip = draw(st.integers(max(1 - total.micros, -10_000), 10_000)) if account is None else 0
    return Order(
        id=OrderId(draw(st.integers(1, 999))),
        channel=Channel.WEBSITE if account is None else Channel.API,
        account_id=account,
        api_key_id=None if account is None else ApiKeyId(account),
        product_id=ProductId(draw(st.integers(1, 9))),
        quantity=draw(quantity),
        price=total,
        charged=total + Usdt(slip),
        hits=draw(st.integers(0, 11)),
        webhook_url=draw(st.none() | st.just("https://client.example/hook")),
        created_at=at,
        updated_at=at,
        deadline_at=at + timedelta(minutes=10),
    )


@st.composite
def unpaid_orders(draw: DrawFn) -> Order:
    """Website orders that await their payment: nothing was charged yet."""
    price = draw(_PRICES)
    return Order(
        id=OrderId(draw(st.integers(1, 999))),
        channel=Channel.WEBSITE,
        product_id=ProductId(draw(st.integers(1, 9))),
        quantity=draw(_QUANTITIES),
        price=price,
        hits=draw(st.integers(0, 11)),
        status=OrderStatus.AWAITING_PAYMENT,
        created_at=NOON,
        updated_at=NOON,
        deadline_at=NOON + timedelta(minutes=15),
    )


@st.composite
def orders(draw: DrawFn, *, status: SearchStrategy[OrderStatus] = _ANY_STATUS) -> Order:
    """Orders in any status, with or without their refund: each was moved there by the domain's own moves."""
    goal: OrderStatus = draw(status)
    if goal is OrderStatus.AWAITING_PAYMENT:
        return draw(unpaid_orders())
    least = 2 if goal is OrderStatus.PARTIAL else 1
    order = draw(new_orders(quantity=st.integers(least, 10_000)))
    if goal in {OrderStatus.EXPIRED, OrderStatus.CANCELLED} and draw(st.booleans()):
        order = draw(unpaid_orders())
    now = order.created_at + draw(st.integers(0, 600).map(lambda seconds: timedelta(seconds=seconds)))
    match goal:
        case OrderStatus.COMPLETED:
            order = moves.deliver(order, now).order
        case OrderStatus.PARTIAL:
            some = draw(st.integers(1, order.quantity - 1))
            order = moves.deliver_some(order, some, "only some were left", now).order
        case OrderStatus.FAILED:
            order = moves.fail(order, "none were left", now).order
        case OrderStatus.EXPIRED:
            order = moves.expire(order, now).order
        case OrderStatus.CANCELLED:
            order = moves.cancel(order, "called off", now).order
        case OrderStatus.PROCESSING:
            pass
    if order.refund is RefundStatus.DUE and draw(st.booleans()):
        order = moves.refund(order, now).order
    return order
