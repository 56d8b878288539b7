"""The order's states: the diagram and the table, by making every move once."""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from tools.docs.markdown import code
from tools.docs.markdown import table as markdown_table

from ytmarket.domain import orders
from ytmarket.domain.ids import AccountId, OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.order_states import MOVES, UNDELIVERED, Move, OrderStatus, RefundStatus, State
from ytmarket.domain.orders import Change, Channel, Order

NOW: Final = datetime(2026, 5, 23, 12, tzinfo=UTC)
PRICE: Final = Usdt.of("12.34")
QUANTITY: Final = 10
SOME: Final = 6

MAKERS: Final[Mapping[Move, Callable[[Order], Change]]] = {
    Move.DELIVER: lambda order: orders.deliver(order, NOW),
    Move.DELIVER_SOME: lambda order: orders.deliver_some(order, SOME, "out of stock", NOW),
    Move.FAIL: lambda order: orders.fail(order, "out of stock", NOW),
    Move.EXPIRE: lambda order: orders.expire(order, NOW),
    Move.CANCEL: lambda order: orders.cancel(order, "asked by the customer", NOW),
    Move.REFUND: lambda order: orders.refund(order, NOW),
}
"""How each move is made. One that only the table of states has is shown without what it moves."""


def diagram() -> str:
    """All states and moves for Mermaid."""
    states = list(dict.fromkeys(state for (before, _), after in MOVES.items() for state in (before, after)))
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{_title(state)}" as {_name(state)}' for state in states]
    lines += [f"    [*] --> {_name(state)}" for state in _beginnings(states)]
    lines += [f"    {_name(before)} --> {_name(after)} : {move}" for (before, move), after in MOVES.items()]
    lines += [f"    {_name(state)} --> [*]" for state in states if not any(b == state for b, _ in MOVES)]
    return "\n".join(["```mermaid", *lines, "```"])


def table() -> str:
    """Each move with the money it moves, the units and the event."""
    changes = _changes()
    rows = [
        (_shown(before), code(move), _shown(after), *_effects(changes.get((before, move))))
        for (before, move), after in MOVES.items()
    ]
    return markdown_table(["From", "Move", "To", "Money", "Units", "Event"], rows)


def _changes() -> dict[tuple[State, Move], Change]:
    """What each move does to an order of ten units for 12.34, found by walking from its beginnings."""
    found: dict[tuple[State, Move], Change] = {}
    waiting = deque([_order(OrderStatus.AWAITING_PAYMENT), _order(OrderStatus.PROCESSING)])
    while waiting:
        order = waiting.popleft()
        state = order.status, order.refund
        for move, make in MAKERS.items():
            if (state, move) in MOVES and (state, move) not in found:
                found[state, move] = make(order)
                waiting.append(found[state, move].order)
    return found


def _order(status: OrderStatus) -> Order:
    paid = status is OrderStatus.PROCESSING
    return Order(
        id=OrderId(789),
        channel=Channel.API if paid else Channel.WEBSITE,
        account_id=AccountId(1) if paid else None,
        product_id=ProductId(5),
        quantity=QUANTITY,
        price=PRICE,
        hits=0,
        charged=PRICE if paid else Usdt(0),
        status=status,
        created_at=NOW,
        updated_at=NOW,
        deadline_at=NOW,
    )


def _effects(change: Change | None) -> tuple[str, str, str]:
    if change is None:
        return "-", "-", "-"
    money = [f"`{t.debit}` → `{t.credit}` {t.amount}" for t in change.transfers]
    event = code(change.event.status if change.event else "")
    return ", ".join(money) or "-", _units(change.order), event


def _units(order: Order) -> str:
    if order.refund is RefundStatus.REFUNDED:
        return "-"
    if order.status in UNDELIVERED:
        return "all go back to stock"
    left = order.quantity - order.delivered
    return f"{order.delivered} handed out, {left} back to stock" if left else "all handed out"


def _beginnings(states: list[State]) -> list[State]:
    unreached = [state for state in states if state not in MOVES.values()]
    return list(dict.fromkeys([*unreached, (OrderStatus.PROCESSING, RefundStatus.NONE)]))


def _name(state: State) -> str:
    status, refund = state
    return status if refund is RefundStatus.NONE else f"{status}_{refund}"


def _title(state: State) -> str:
    status, refund = state
    return {
        RefundStatus.NONE: status,
        RefundStatus.DUE: f"{status}, refund due",
        RefundStatus.REFUNDED: f"{status}, refunded",
    }[refund]


def _shown(state: State) -> str:
    status, refund = state
    return code(status) if refund is RefundStatus.NONE else f"{code(status)}, {code(refund)}"
