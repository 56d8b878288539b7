"""The moves of an order, each with the states that it leads from and to; no others are made.

Refunds stand beside the status, not in it: a client that waits for `failed`, `expired` or
`cancelled` finds that word also when it has its money already.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from ytmarket.domain.errors import IllegalMove


class OrderStatus(StrEnum):
    """How far an order is, in the words that clients poll for."""

    AWAITING_PAYMENT = "awaiting_payment"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class RefundStatus(StrEnum):
    """Whether money is to go back, and whether it has."""

    NONE = "none"
    DUE = "due"
    REFUNDED = "refunded"


class Move(StrEnum):
    """What happens to an order."""

    PAY = "pay"
    DELIVER = "deliver"
    DELIVER_SOME = "deliver_some"
    FAIL = "fail"
    EXPIRE = "expire"
    CANCEL = "cancel"
    REFUND = "refund"


State: TypeAlias = tuple[OrderStatus, RefundStatus]

_S, _R, _M = OrderStatus, RefundStatus, Move

# fmt: off
MOVES: Final[Mapping[tuple[State, Move], State]] = {
    ((_S.AWAITING_PAYMENT, _R.NONE), _M.PAY):          (_S.PROCESSING, _R.NONE),
    ((_S.AWAITING_PAYMENT, _R.NONE), _M.EXPIRE):       (_S.EXPIRED,    _R.NONE),
    ((_S.AWAITING_PAYMENT, _R.NONE), _M.CANCEL):       (_S.CANCELLED,  _R.NONE),
    ((_S.PROCESSING,       _R.NONE), _M.DELIVER):      (_S.COMPLETED,  _R.NONE),
    ((_S.PROCESSING,       _R.NONE), _M.DELIVER_SOME): (_S.PARTIAL,    _R.DUE),
    ((_S.PROCESSING,       _R.NONE), _M.FAIL):         (_S.FAILED,     _R.DUE),
    ((_S.PROCESSING,       _R.NONE), _M.EXPIRE):       (_S.EXPIRED,    _R.DUE),
    ((_S.PROCESSING,       _R.NONE), _M.CANCEL):       (_S.CANCELLED,  _R.DUE),
    ((_S.PARTIAL,          _R.DUE),  _M.REFUND):       (_S.PARTIAL,    _R.REFUNDED),
    ((_S.FAILED,           _R.DUE),  _M.REFUND):       (_S.FAILED,     _R.REFUNDED),
    ((_S.EXPIRED,          _R.DUE),  _M.REFUND):       (_S.EXPIRED,    _R.REFUNDED),
    ((_S.CANCELLED,        _R.DUE),  _M.REFUND):       (_S.CANCELLED,  _R.REFUNDED),
}
# fmt: on

UNDELIVERED: Final = frozenset({_S.FAILED, _S.EXPIRED, _S.CANCELLED})
"""Ends in which nothing was delivered: the amount stops counting and the units go back."""

FINAL: Final = UNDELIVERED | {_S.COMPLETED, _S.PARTIAL}


def next_state(state: State, move: Move) -> State:
    """Where the move leads. Raises `IllegalMove` when there is no such way."""
    try:
        return MOVES[state, move]
    except KeyError:
        raise IllegalMove(status=state[0], move=move) from None
