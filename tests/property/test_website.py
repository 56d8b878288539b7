"""Website orders: their price is apart from every reservation, and what arrives is what they were charged."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ytmarket.domain import chart, ledger, orders, website
from ytmarket.domain.catalog import MinimumTerms, Product
from ytmarket.domain.errors import (
    BelowMinimum,
    IllegalMove,
    InsufficientStock,
    InvalidRequest,
    InvalidValue,
    NoFreeAmount,
)
from ytmarket.domain.ids import DepositId, OrderId, ProductId, ReservationId, UnitId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Channel, Order
from ytmarket.domain.pricing import Quote, website_quote
from ytmarket.domain.website import Checkout, MarketplaceSale, Shelf
from ytmarket.testing.strategies import amounts, cents

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
END = NOON + timedelta(minutes=15)
ANY_MINIMUM = MinimumTerms(floor_rub=Decimal(0))
CHECKOUT = Checkout(
    order_id=OrderId(9),
    network=Network.TRON,
    address="wallet",
    reservation_id=ReservationId(1),
    expires_at=END,
)
SALE = MarketplaceSale(order_id=OrderId(9), marketplace="bazaar", external_id="A-1")


def shelf(price: str = "10", *, units: int = 5, least: int = 1) -> Shelf:
    product = Product(
        id=ProductId(1),
        sku="sku",
        title="title",
        category="mail",
        price=Usdt.of(price),
        min_quantity=least,
        available=units,
    )
    return Shelf(
        order_id=OrderId(9), product=product, units=[UnitId(n) for n in range(units)], taken=frozenset()
    )


def awaiting(quantity: int = 3) -> Order:
    quote = Quote(amount=Usdt.of(30), hits=0)
    return website.website_order(shelf(), quantity, quote, CHECKOUT, NOON).order


def payment(amount: Usdt, order: int = 9) -> ledger.Transfer:
    return ledger.website_payment(DepositId(1), OrderId(order), Network.TRON, amount, NOON)


def held_near(base: Usdt) -> st.SearchStrategy[list[Usdt]]:
    """Amounts from a little below the base to a little above the cap, on the cent and beside it."""
    top = base.micros + base.micros // 10 + 50_000
    beside = st.integers(base.micros - 50_000, top).map(Usdt)
    rungs = st.integers(-2, 400).map(lambda step: Usdt(base.micros + step * 30_000))
    percents = st.integers(0, 10).map(base.plus_percent)
    return st.lists(beside | rungs | percents, max_size=40)


@given(st.data(), cents(min_value=Usdt.of(1), max_value=Usdt.of(40)))
def test_no_reservation_is_within_reach_of_the_price_and_none_is_missed(
    data: st.DataObject, base: Usdt
) -> None:
    held = data.draw(held_near(base))
    expected = website_quote(
        base, frozenset(), lambda amount: all(abs(amount.micros - other.micros) > 20_000 for other in held)
    )
    if expected is None:
        with pytest.raises(NoFreeAmount):
            website.quote(base, frozenset(), held)
        return
    assert website.quote(base, frozenset(), held) == expected


@given(amounts(min_value=Usdt(1), max_value=Usdt.of(1_000)), st.integers(1, 5))
@example(Usdt(1), 3)
def test_what_arrived_is_the_charge_and_is_divided_without_a_rest(arrived: Usdt, quantity: int) -> None:
    order = awaiting(quantity)
    change = orders.pay(order, payment(arrived), NOON + timedelta(minutes=10))
    paid = change.order
    assert (paid.status, paid.charged, paid.price) == (OrderStatus.PROCESSING, arrived, Usdt.of(30))
    assert paid.deadline_at == NOON + timedelta(minutes=10)
    assert change.event is not None
    assert change.event.status == "processing"
    moved = list(change.transfers)
    change = orders.fail(paid, "no", NOON)
    moved += change.transfers
    change = orders.refund(change.order, NOON)
    moved += change.transfers
    assert change.order.refunded == arrived
    assert ledger.balance_of(chart.ESCROW, moved) == Usdt(0)
    assert ledger.balance_of(chart.REFUNDS_PAYABLE, moved) == arrived
    out = ledger.website_refund_paid(order.id, Network.TRON, arrived, NOON, "sent")
    books = [*moved, out]
    assert ledger.balance_of(chart.REFUNDS_PAYABLE, books) == Usdt(0)
    assert ledger.balance_of(chart.wallet(Network.TRON), books) == Usdt(0)


@pytest.mark.parametrize("status", [status for status in OrderStatus if status != "awaiting_payment"])
def test_only_an_order_that_awaits_it_can_be_paid(status: OrderStatus) -> None:
    with pytest.raises(IllegalMove):
        orders.pay(attrs.evolve(awaiting(), status=status), payment(Usdt.of(30)), END)


def test_an_order_is_paid_into_escrow_in_its_own_name() -> None:
    aside = ledger.deposit_set_aside(DepositId(1), Network.TRON, Usdt.of(30), NOON)
    for wrong in (payment(Usdt.of(30), order=8), attrs.evolve(aside, order_id=OrderId(9))):
        with pytest.raises(InvalidValue):
            orders.pay(awaiting(), wrong, END)


def test_an_overdue_order_expires_and_one_whose_deadline_moved_on_does_not() -> None:
    order = awaiting()
    assert orders.expire_overdue(order, END).order.error_message == "not paid in time"
    with pytest.raises(IllegalMove):
        orders.expire_overdue(order, END - timedelta.resolution)


def test_a_website_order_is_for_as_many_units_as_are_wanted() -> None:
    placed = website.website_order(shelf(), 3, Quote(amount=Usdt.of(30), hits=4), CHECKOUT, NOON)
    assert list(placed.units) == [0, 1, 2]
    assert placed.transfers == ()
    order = placed.order
    assert (order.channel, order.hits, order.charged, order.deadline_at) == (
        Channel.WEBSITE,
        4,
        Usdt(0),
        END,
    )
    assert placed.event.status == "awaiting_payment"


@pytest.mark.parametrize(
    ("offered", "quantity", "refusal"),
    [
        (shelf(least=2), 1, BelowMinimum),
        (shelf(units=2), 3, InsufficientStock),
        (shelf("0.99"), 1, InvalidRequest),
        (shelf("200000.01"), 5, InvalidRequest),
    ],
)
def test_what_cannot_be_sold_on_the_website(offered: Shelf, quantity: int, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        website.base_price(offered, quantity, ANY_MINIMUM)


def test_the_least_and_the_most_that_can_be_sold_on_the_website() -> None:
    assert website.base_price(shelf("1"), 1, ANY_MINIMUM) == Usdt.of(1)
    assert website.base_price(shelf("200000"), 5, ANY_MINIMUM) == Usdt.of(1_000_000)


def test_a_marketplaces_order_is_paid_whatever_our_minimum_and_goes_back_where_it_came_from() -> None:
    placed = website.marketplace_order(shelf(least=5), 1, Usdt.of(7), SALE, timedelta(minutes=10), NOON)
    order = placed.order
    assert (order.channel, order.status, order.charged) == (Channel.MARKETPLACE, "processing", Usdt.of(7))
    assert order.deadline_at == NOON + timedelta(minutes=10)
    failed = orders.fail(order, "no", NOON)
    books = [*placed.transfers, *orders.refund(failed.order, NOON).transfers]
    assert ledger.balance_of(chart.ADJUSTMENTS, books) == Usdt(0)
    assert ledger.balance_of(chart.ESCROW, books) == Usdt(0)
    with pytest.raises(InsufficientStock):
        website.marketplace_order(shelf(units=0), 1, Usdt.of(7), SALE, timedelta(minutes=10), NOON)


@pytest.mark.parametrize(
    ("amount", "fits"),
    [("0.01", True), ("0", False), ("-1", False), ("0.011", False), ("1000000", True), ("1000000.01", False)],
)
def test_what_a_marketplace_can_have_been_paid(amount: str, fits: bool) -> None:  # noqa: FBT001 - a parameter
    if fits:
        website.check_sold_for(Usdt.of(amount))
        return
    with pytest.raises(InvalidRequest) as refused:
        website.check_sold_for(Usdt.of(amount))
    assert refused.value.pointer == "/amount_usdt"
