"""What PostgreSQL refuses, in the shop's words: one table of constraints, one of troubles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from ytmarket.application.errors import ApplicationError, OutcomeUnknown, Unavailable
from ytmarket.domain.errors import (
    AlreadyDone,
    AmountTaken,
    Conflict,
    IdempotencyInFlight,
    NotFound,
    Overdrawn,
    Refused,
)


class Collided(Unavailable):
    """Two units of work stood in each other's way; nothing happened, try again."""


class BrokenRule(ApplicationError):
    """The database forbids what the code has tried: a mistake in the code, and nothing happened."""


REFUSALS: Final[Mapping[str, Callable[[], Refused]]] = {
    "account_balance_not_negative": Overdrawn,
    "api_key_digest_once": AlreadyDone,
    "api_key_fp_once": AlreadyDone,
    "delivery_pkey": AlreadyDone,
    "deposit_once": AlreadyDone,
    "event_once": AlreadyDone,
    "idempotency_once": IdempotencyInFlight,
    "order_money_bounded": AlreadyDone,
    "product_sku_once": Conflict,
    "reservation_no_overlap": AmountTaken,
    "stock_unit_held": AlreadyDone,
    "stock_unit_once": AlreadyDone,  # the catalogue says which unit: DuplicateUnit
    "topup_deposit_once": AlreadyDone,
    "transfer_account_exists": NotFound,
    "transfer_once": AlreadyDone,
}
"""Constraint → what its violation means to whoever asked."""

LOST: Final = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.ReadOnlySqlTransaction,
)
"""The server goes, has gone, or is no primary any more."""


def refusal(error: psycopg.Error) -> Exception:
    """What the application is told of an error; the error itself where it is a plain mistake."""
    match error:
        case psycopg.IntegrityError():
            name = error.diag.constraint_name or ""
            known = REFUSALS.get(name)
            return known() if known is not None else BrokenRule(name or str(error))
        case errors.DeadlockDetected() | errors.SerializationFailure():
            return Collided()
        case PoolTimeout() | TooManyRequests() | PoolClosed():
            return Unavailable("the database")
        case errors.QueryCanceled() | errors.LockNotAvailable() | errors.TransactionTimeout():
            return Unavailable("the database is too slow")
        case psycopg.OperationalError() | psycopg.InterfaceError() | errors.ReadOnlySqlTransaction():
            return Unavailable("the database")
        case _:
            return error


def unknown_outcome(error: psycopg.Error) -> Exception:
    """What an error means that came while a commit was under way."""
    told = refusal(error)
    answered = error.diag.sqlstate is not None and not isinstance(error, LOST)
    if isinstance(told, Unavailable) and not answered:
        return OutcomeUnknown()
    return told


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection is gone, or leads to a server that is no use."""
    if isinstance(error, LOST):
        return True
    return (
        isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        and not isinstance(error, PoolTimeout | TooManyRequests | PoolClosed)
        and error.diag.sqlstate is None
    )


@contextmanager
def translating() -> Iterator[None]:
    """For statements whose errors do not come from a cursor: those in a pipeline."""
    try:
        yield
    except psycopg.Error as error:
        raise refusal(error) from error
