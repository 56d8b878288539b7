"""What must be true of a shop at any moment, recomputed here from its rows alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import combinations

from ytmarket.adapters.inmemory.state import State
from ytmarket.domain import chart, pricing
from ytmarket.domain.chart import TransferKind
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.ids import OrderId
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import UNDELIVERED, OrderStatus
from ytmarket.domain.orders import Channel, Order
from ytmarket.domain.reservations import within_tolerance
from ytmarket.testing.simulation.world import Untrue, World


def must(holds: bool, what: str) -> None:  # noqa: FBT001 - a fact, not a switch
    """Raises `Untrue` unless it holds."""
    if not holds:
        raise Untrue(what)


def glance(world: World) -> None:
    """What costs little to look at after every step: nobody owes us, and no debt was invented."""
    with world.store.committed() as state:
        for account, row in state.accounts.items():
            must(row.totals.balance >= ZERO, f"account {account} has {row.totals.balance}")
            must(not row.frozen, f"account {account} was frozen")


async def check(world: World) -> None:
    """Everything that holds at any moment. Raises `Untrue`."""
    wrong = await world.store.books.check()
    must(not wrong, f"the books do not add up: {wrong}")
    with world.store.committed() as state:
        _money_of_orders(state)
        _deposits_counted_once(state)
        _wallets(state)
        _units(state)
        _reservations(state)
        _prices(state)


def _money_of_orders(state: State) -> None:
    """What an order was paid is held, settled or given back, each at most once."""
    taken: defaultdict[OrderId, Usdt] = defaultdict(lambda: ZERO)
    kinds: Counter[tuple[OrderId, TransferKind]] = Counter()
    for transfer in state.transfers.values():
        if transfer.order_id is None:
            continue
        kinds[transfer.order_id, transfer.kind] += 1
        if transfer.credit == chart.ESCROW:
            taken[transfer.order_id] += transfer.amount
    twice = [key for key, count in kinds.items() if count > 1]
    must(not twice, f"the same was booked twice for an order: {twice}")
    for order_id, row in state.orders.items():
        order = row.order
        must(order.charged == taken[order_id], f"order {order_id}: {order.charged} of {taken[order_id]}")
        given = order.settled + order.refunded + order.due
        if order.is_final:
            must(given == order.charged, f"order {order_id} took {order.charged}, and {given} went on")
        if order.status is OrderStatus.COMPLETED:
            must(order.settled == order.charged, f"order {order_id} is complete, and not settled")
        if order.status in UNDELIVERED:
            must(order.settled == ZERO, f"order {order_id} is {order.status}, and was settled")


def _deposits_counted_once(state: State) -> None:
    """Of each deposit its owner has all, and nobody else anything."""
    shares: defaultdict[tuple[int, chart.LedgerAccount], Usdt] = defaultdict(lambda: ZERO)
    for transfer in state.transfers.values():
        if transfer.deposit_id is not None:
            shares[transfer.deposit_id, transfer.credit] += transfer.amount
            shares[transfer.deposit_id, transfer.debit] -= transfer.amount
    seen: Counter[tuple[Network, str, int]] = Counter()
    for key, record in state.deposits.items():
        arrived = record.deposit
        seen[arrived.network, arrived.tx_hash, arrived.event_index] += 1
        owners = {
            side: amount
            for (deposit, side), amount in shares.items()
            if deposit == key and amount != ZERO and side.startswith("customer:")
        }
        expected = {} if record.account_id is None else {chart.customer(record.account_id): arrived.amount}
        must(owners == expected, f"deposit {key} of {arrived.amount} is {record.status}: {owners}")
        topup = None if record.topup_id is None else state.topups[record.topup_id]
        if topup is not None and record.status is DepositStatus.CREDITED_AUTO:
            must(topup.holds(arrived.at), f"deposit {key} of {arrived.at} paid {topup}")
            must(within_tolerance(arrived.amount, topup.amount), f"{arrived.amount} paid {topup}")
    must(all(count == 1 for count in seen.values()), "a transfer on chain was kept twice")


def _wallets(state: State) -> None:
    """What arrived in a wallet was booked into it, to the micro."""
    booked: Counter[chart.LedgerAccount] = Counter()
    arrived: Counter[chart.LedgerAccount] = Counter()
    for transfer in state.transfers.values():
        if transfer.debit.startswith("wallet:"):
            booked[transfer.debit] += transfer.amount.micros
    for record in state.deposits.values():
        if record.status is not DepositStatus.RECEIVED:
            arrived[chart.wallet(record.deposit.network)] += record.deposit.amount.micros
    must(booked == arrived, f"{arrived} micros arrived, and {booked} were booked")


def _units(state: State) -> None:
    """Every order holds what it needs, every end hands out what it says, and the rest is free."""
    held: Counter[OrderId] = Counter()
    handed: Counter[OrderId] = Counter()
    for unit in state.units.values():
        if unit.order_id is not None:
            held[unit.order_id] += 1
            handed[unit.order_id] += unit.delivered
        must(unit.order_id is not None or not unit.delivered, f"unit {unit.id} was handed out to nobody")
    for order_id, row in state.orders.items():
        order = row.order
        expected = order.delivered if order.is_final else order.quantity
        must(
            held[order_id] == expected and handed[order_id] == order.delivered,
            f"order {order_id}, {order.status}, holds {held[order_id]} of {expected} units",
        )


def _reservations(state: State) -> None:
    """No payment could be meant by two payers."""
    for one, other in combinations(state.reservations.values(), 2):
        if one.payer != other.payer and one.overlaps(other):
            raise Untrue(f"{one} overlaps {other}")


def _prices(state: State) -> None:
    """Whoever's price was not hit at the end is away from every price of the quarter before."""
    orders = sorted((row.order for row in state.orders.values()), key=lambda order: order.id)
    for earlier, later in combinations(orders, 2):
        if _confusable(earlier, later):
            raise Untrue(f"orders {earlier.id} and {later.id} cost {earlier.price} and {later.price}")


def _confusable(earlier: Order, later: Order) -> bool:
    # A second's grace: when an order counts is read from the clock before it waits for its turn.
    if later.channel is Channel.MARKETPLACE or later.hits > pricing.CAP_PERCENT:
        return False
    apart = later.created_at - earlier.created_at
    return (
        earlier.status not in UNDELIVERED
        and apart < pricing.WINDOW - timedelta(seconds=1)
        and abs(earlier.price - later.price) <= pricing.NEAR
    )
