"""However an order ends, what is settled and what goes back make up the charge, and it goes back once."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ytmarket.domain import (
    ZERO,
    Change,
    IllegalMove,
    InvalidValue,
    Move,
    Order,
    OrderStatus,
    RefundStatus,
    TransferKind,
    Usdt,
    next_state,
)
from ytmarket.domain import orders as moves
from ytmarket.testing.strategies import new_orders, orders

LATER = timedelta(minutes=1)
Act = Callable[[Order], Change]
ACTS: Mapping[Move, Act] = {
    Move.DELIVER: lambda order: moves.deliver(order, order.updated_at + LATER),
    Move.DELIVER_SOME: lambda order: moves.deliver_some(order, 1, "some", order.updated_at + LATER),
    Move.FAIL: lambda order: moves.fail(order, "none", order.updated_at + LATER),
    Move.EXPIRE: lambda order: moves.expire(order, order.updated_at + LATER),
    Move.CANCEL: lambda order: moves.cancel(order, "no more", order.updated_at + LATER),
    Move.REFUND: lambda order: moves.refund(order, order.updated_at + LATER),
}
PAIRS = list(product(OrderStatus, RefundStatus))


def lands_on(status: str, refund: str, move: str) -> tuple[str, str] | None:
    """Where a move leads, told without the table: None where it may not be made."""
    ends = {"fail": "failed", "expire": "expired", "cancel": "cancelled"}
    if move == "refund":
        return (status, "refunded") if refund == "due" else None
    if refund != "none":
        return None
    if status == "awaiting_payment":
        return (
            ("processing", "none")
            if move == "pay"
            else (ends[move], "none")
            if move in {"expire", "cancel"}
            else None
        )
    if status != "processing" or move == "pay":
        return None
    return {"deliver": ("completed", "none"), "deliver_some": ("partial", "due")}.get(move) or (
        ends[move],
        "due",
    )


def can_be(status: str, refund: str) -> bool:
    """The states that an order can be in at all."""
    if status in {"awaiting_payment", "processing", "completed"}:
        return refund == "none"
    return refund != "none" or status in {"expired", "cancelled"}


@pytest.mark.parametrize(("state", "move"), list(product(PAIRS, Move)), ids=str)
def test_every_move_from_every_state(state: tuple[OrderStatus, RefundStatus], move: Move) -> None:
    goal = lands_on(*state, move) if can_be(*state) else None
    if goal is None:
        with pytest.raises(IllegalMove) as refused:
            next_state(state, move)
        assert (refused.value.status, refused.value.move) == (state[0], move)
    else:
        assert next_state(state, move) == goal


@given(orders(), st.sampled_from(sorted(ACTS)))
def test_an_illegal_move_is_refused_and_a_legal_one_adds_up(order: Order, move: Move) -> None:
    assume(not (move is Move.DELIVER_SOME and order.quantity == 1))
    goal = lands_on(order.status, order.refund, move)
    if goal is None:
        with pytest.raises(IllegalMove):
            ACTS[move](order)
        return
    change = ACTS[move](order)
    assert (change.order.status, change.order.refund) == goal
    assert change.order.updated_at == order.updated_at + LATER
    assert change.event is not None
    assert change.event.status == ("refunded" if move is Move.REFUND else change.order.status)
    assert change.event.refunded == change.order.refunded


@given(orders())
def test_settled_refunded_and_due_make_up_the_charge_once_it_has_ended(order: Order) -> None:
    parts = (order.settled, order.refunded, order.due)
    assert all(part >= ZERO for part in parts)
    if order.is_final:
        assert order.settled + order.refunded + order.due == order.charged
    else:
        assert parts == (ZERO, ZERO, ZERO)
    assert order.is_refunded == (order.refunded > ZERO)
    if order.status is OrderStatus.COMPLETED:
        assert (order.settled, order.delivered) == (order.charged, order.quantity)
    if order.status in {OrderStatus.FAILED, OrderStatus.EXPIRED, OrderStatus.CANCELLED}:
        assert (order.settled, order.delivered) == (ZERO, 0)


@given(new_orders(), st.lists(st.sampled_from(sorted(ACTS)), max_size=8))
def test_money_leaves_escrow_once_whatever_is_tried(order: Order, tries: list[Move]) -> None:
    assume(order.quantity > 1)
    start, escrow, refunds = order, order.charged, 0
    for move in [*tries, Move.FAIL, Move.REFUND, Move.REFUND]:
        try:
            change = ACTS[move](order)
        except IllegalMove:
            continue
        order = change.order
        for transfer in change.transfers:
            assert transfer.debit == "escrow"
            escrow -= transfer.amount
            refunds += transfer.kind in {TransferKind.ORDER_REFUNDED, TransferKind.WEBSITE_REFUND_OWED}
    assert escrow == ZERO
    assert order.settled + order.refunded == start.charged
    assert refunds == (order.status is not OrderStatus.COMPLETED)


@given(new_orders(quantity=st.integers(2, 10_000)), st.data())
def test_a_partial_delivery_owes_the_rest_rounded_up_to_the_micro(order: Order, data: st.DataObject) -> None:
    delivered = data.draw(st.integers(1, order.quantity - 1))
    change = moves.deliver_some(order, delivered, "some", order.updated_at)
    share = Fraction(order.charged.micros * (order.quantity - delivered), order.quantity)
    assert change.order.due.micros == math.ceil(share)
    assert change.order.settled == order.charged - change.order.due
    assert change.order.delivered == delivered
    assert sum(t.amount.micros for t in change.transfers) == change.order.settled.micros


@given(new_orders(price=st.just(Usdt.of(1))), st.sampled_from([-1, 0, 1]))
def test_a_partial_delivery_is_neither_none_nor_all(order: Order, over: int) -> None:
    count = 0 if over < 0 else order.quantity + over
    with pytest.raises(InvalidValue, match="partial delivery"):
        moves.deliver_some(order, count, "some", order.updated_at)


@given(orders(status=st.sampled_from([OrderStatus.FAILED, OrderStatus.PARTIAL])))
def test_a_refund_goes_to_whoever_paid(order: Order) -> None:
    if order.is_refunded:
        with pytest.raises(IllegalMove):
            moves.refund(order, order.updated_at)
        return
    (transfer,) = moves.refund(order, order.updated_at).transfers
    home = "refunds_payable" if order.account_id is None else f"customer:{order.account_id}"
    assert (transfer.debit, transfer.credit, transfer.amount) == ("escrow", home, order.due)
