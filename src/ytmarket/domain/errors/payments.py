"""Refusals about money: balances, top-ups and the amounts that name them."""

from __future__ import annotations

from typing import Any

import attrs

from ytmarket.domain.errors.base import Conflict, NotFound, Refused


@attrs.frozen(kw_only=True)
class InsufficientBalance(Refused):
    """The balance does not cover the price; top up and order again."""

    code = "insufficient_balance"
    balance_usdt: Any
    required_usdt: Any
    shortfall_usdt: Any


@attrs.frozen(kw_only=True)
class Overdrawn(Conflict):
    """The balance does not reach for this debit."""

    code = "overdrawn"


@attrs.frozen(kw_only=True)
class TopupNotFound(NotFound):
    """You have no top-up with this id."""

    code = "topup_not_found"


@attrs.frozen(kw_only=True)
class DepositNotFound(NotFound):
    """There is no deposit with this id."""

    code = "deposit_not_found"


@attrs.frozen(kw_only=True)
class DepositNotWaiting(Conflict):
    """This deposit does not wait for this: its status tells what became of it."""

    code = "deposit_not_waiting"
    deposit_status: str


@attrs.frozen(kw_only=True)
class DepositTooSmall(Conflict):
    """This deposit is less than a millionth of a USDT: there is nothing of it to book."""

    code = "deposit_too_small"


@attrs.frozen(kw_only=True)
class TopupPaid(Conflict):
    """This top-up is paid by another deposit; name another one, or none to have the nearest unpaid."""

    code = "topup_paid"


@attrs.frozen(kw_only=True)
class AmountTaken(Conflict):
    """This amount is awaited from somebody else; ask for next_amount_usdt, if it is told, or another one."""

    code = "amount_taken"
    next_amount_usdt: Any = None


@attrs.frozen(kw_only=True)
class NoFreeAmount(Conflict):
    """No amount near this price is free on this network now; try again in a few minutes."""

    code = "no_free_amount"


@attrs.frozen(kw_only=True)
class TooManyOpenTopups(Conflict):
    """You have too many unpaid top-ups open; pay one or wait until one expires."""

    code = "too_many_open_topups"
    limit: int


@attrs.frozen(kw_only=True)
class TooManyUnpaidTopups(Conflict):
    """Too many amounts are kept for you unpaid; wait until one is let go, or ask for one of them again."""

    code = "too_many_unpaid_topups"
    limit: int
