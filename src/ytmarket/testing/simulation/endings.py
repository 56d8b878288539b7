"""What must be true once all trouble has ended and time has passed: nobody waits, and no word was false."""

from __future__ import annotations

from collections import Counter

from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.chart import TransferKind
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.ids import EventId, OrderId
from ytmarket.domain.order_states import OrderStatus, RefundStatus
from ytmarket.domain.orders import Channel
from ytmarket.domain.topups import TopupStatus
from ytmarket.domain.webhooks import Delivery
from ytmarket.testing.simulation.truths import must
from ytmarket.testing.simulation.world import World

_WAITING = (OrderStatus.AWAITING_PAYMENT, OrderStatus.PROCESSING)


def waiting(world: World) -> list[str]:
    """Whoever still waits for something."""
    with world.store.committed() as state:
        on_chain = sum(len(world.devnet.deposits(reader.network)) for reader in world.readers)
        return [
            *(
                f"order {n} is {row.order.status}"
                for n, row in state.orders.items()
                if row.order.status in _WAITING
            ),
            *(
                f"order {n} is owed"
                for n, row in state.orders.items()
                if row.order.refund is RefundStatus.DUE
            ),
            *(f"deposit {n}" for n, row in state.deposits.items() if row.status is DepositStatus.RECEIVED),
            *(f"top-up {n}" for n, row in state.topups.items() if row.status is TopupStatus.PENDING),
            *(f"webhook {n}" for n, row in state.events.items() if row.delivery is Delivery.PENDING),
            *(["transfers that were not read"] if on_chain != len(state.deposits) else []),
        ]


def check_words(world: World) -> None:
    """Hold what people were told against what is in the store. Raises `Untrue`."""
    with world.store.committed() as state:
        _orders(world, state)
        _topups(world, state)
        _payments(world, state)
        _decisions(world, state)
        _gifts(world, state)
        _webhooks(world, state)


def _orders(world: World, state: State) -> None:
    told = world.told
    for order_id, (account, price, quantity) in told.orders.items():
        row = state.orders.get(order_id)
        must(row is not None, f"order {order_id} was told, and is not there")
        if row is not None:
            kept = row.order
            must(
                (kept.account_id, kept.price, kept.quantity) == (account, price, quantity),
                f"{kept} was told otherwise",
            )
            must(kept.charged == price, f"order {order_id} costs {price}, and {kept.charged} was taken")
    for order_id, end in told.ends.items():
        kept = state.orders[order_id].order
        must(
            (kept.status.value, kept.delivered) == end,
            f"order {order_id} ended as {end}, and now {kept.status}",
        )
    for channel, known, unsure in (
        (Channel.API, told.orders.keys(), told.unsure["order"]),
        (Channel.WEBSITE, told.website, 0),
        (Channel.MARKETPLACE, told.sold.keys(), 0),
    ):
        there = {key for key, row in state.orders.items() if row.order.channel is channel}
        must(there >= set(known), f"{channel} orders {set(known) - there} were told, and are not there")
        must(
            len(there) <= len(known) + unsure,
            f"{channel} orders {sorted(there - set(known))} are nobody's, {unsure} were unanswered",
        )


def _topups(world: World, state: State) -> None:
    told = world.told
    for topup, (account, amount) in told.topups.items():
        kept = state.topups.get(topup)
        must(
            kept is not None and (kept.account_id, kept.amount) == (account, amount),
            f"top-up {topup} of {amount} was told, and is {kept}",
        )
    must(
        len(state.topups) <= len(told.topups) + told.unsure["top-up"],
        f"{len(state.topups)} top-ups are there, and {len(told.topups)} were told",
    )


def _payments(world: World, state: State) -> None:
    """Who paid what it was told to, in time, has the money, unless its top-up was paid already."""
    by_hash = {record.deposit.tx_hash: record for record in state.deposits.values()}
    for payment in world.told.payments:
        record, topup = by_hash[payment.tx_hash], state.topups[payment.topup]
        if not topup.holds(record.deposit.at) or (topup.is_credited and topup.deposit_id != record.id):
            continue
        was_credited = any(
            transfer.deposit_id == record.id and transfer.account_id == payment.account
            for transfer in (
                state.transfers.get((TransferKind.DEPOSIT_CREDITED, str(record.id))),
                state.transfers.get((TransferKind.MANUAL_CREDIT, str(record.id))),
            )
            if transfer is not None
        )
        must(was_credited, f"{payment} was in time and exact, and the deposit is {record}")


def _decisions(world: World, state: State) -> None:
    fitting = {
        "credited": DepositStatus.CREDITED_MANUAL,
        "returned": DepositStatus.RETURNED,
        "applied": DepositStatus.APPLIED,
    }
    for deposit, how in world.told.decided.items():
        status = state.deposits[deposit].status
        must(status is fitting[how], f"deposit {deposit} was {how}, and is {status}")


def _gifts(world: World, state: State) -> None:
    """Each credit that an operator was told of is there once, and no other."""
    for account, gifts in world.told.credits.items():
        kept = Counter(
            transfer.amount
            for transfer in state.transfers.values()
            if transfer.kind is TransferKind.ADJUSTMENT
            and transfer.account_id == account
            and transfer.deposit_id is None
            and (transfer.reason or "").startswith("credit ")
        )
        must(kept == Counter(gifts), f"account {account} was given {kept}, and {gifts} was said")


def _webhooks(world: World, state: State) -> None:
    """What counts as delivered was taken by its receiver, and an order's events came in their order."""
    taken = {event: place for place, event in enumerate(world.receivers.told)}
    last: dict[OrderId, int] = {}
    for event in sorted(state.events.values(), key=lambda row: row.number):
        name = EventId(str(event.event.id))
        if event.delivery is not Delivery.DELIVERED:
            continue
        must(name in taken, f"event {name} counts as delivered, and nobody took it")
        order = event.event.order_id
        must(last.get(order, -1) < taken[name], f"event {name} of order {order} came before an earlier one")
        last[order] = taken[name]
