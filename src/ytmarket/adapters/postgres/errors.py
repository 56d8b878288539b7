"""What PostgreSQL refuses, in the shop's words: one table of constraints, one of troubles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from ytmarket.application.errors import OutcomeUnknown, Unavailable
from ytmarket.domain.errors import (
    AccountFrozen,
    AlreadyDone,
    AmountTaken,
    Conflict,
    IdempotencyInFlight,
    NotFound,
    OrderNotFound,
    Overdrawn,
    Refused,
)


class Collided(Unavailable):
    """Two units of work stood in each other's way; nothing happened, try again."""


class BrokenRule(Exception):
    """The database forbids what the code has tried: a mistake in the code, and nothing happened."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint

    def __str__(self) -> str:
        return f"{self.constraint} is violated, although {GUARDS.get(self.constraint, 'nothing should')}"


REFUSALS: Final[Mapping[str, Callable[[], Refused]]] = {
    "account_balance_not_negative": Overdrawn,
    "account_frozen": AccountFrozen,
    "api_key_digest_once": AlreadyDone,
    "api_key_fp_once": AlreadyDone,
    "delivery_pkey": AlreadyDone,
    "deposit_once": AlreadyDone,
    "event_once": AlreadyDone,
    "idempotency_once": IdempotencyInFlight,
    "marketplace_order_once": AlreadyDone,
    "order_money_bounded": AlreadyDone,
    "product_sku_once": Conflict,
    "reservation_no_overlap": AmountTaken,
    "stock_unit_held": AlreadyDone,
    "stock_unit_once": AlreadyDone,  # the catalogue says which unit: DuplicateUnit
    "topup_deposit_once": AlreadyDone,
    "transfer_account_exists": NotFound,
    "transfer_of_its_order": OrderNotFound,
    "transfer_once": AlreadyDone,
}
"""Constraint → what its violation means to whoever asked."""

GUARDS: Final[Mapping[str, str]] = {
    "account_refunds_bounded": "an order's own bound is hit first",
    "api_audit_log_immutable": "no use case changes the trail",
    "delivery_immutable": "no use case takes a delivery back",
    "deposit_amount": "readers report nothing below zero",
    "deposit_reason": "settling gives each unmatched deposit its reason",
    "deposit_status": "the domain knows no other status",
    "devnet_amount_positive": "the devnet refuses it first",
    "devnet_hash_once": "each transfer has a hash of its own",
    "event_delivery": "the domain knows no other outcome",
    "event_due": "an event is due exactly while it is pending",
    "network_coverage_in_order": "a span is made with its beginning before its end",
    "network_stopped_by_trouble": "what stops a network is told with it",
    "order_amounts": "the domain prices and divides",
    "order_channel": "the domain knows no other channel",
    "order_delivered": "the domain refuses such a partial delivery",
    "order_key": "each order from the API is placed with a key, and no other is",
    "order_money_divided": "the domain divides the whole charge",
    "order_payer": "only an order from the API has a payer's account",
    "order_quantity": "a request for such a quantity is refused first",
    "order_receiver": "whoever keeps a URL keeps whom it names",
    "order_refund": "the domain knows no other refund status",
    "order_status": "the domain knows no other status",
    "product_available_not_negative": "a trigger counts it",
    "product_min_quantity_positive": "a product with it is refused first",
    "product_price_positive": "a product with it is refused first",
    "reconciliation_agreed_whole": "a point with its balance is kept as one",
    "reservation_amount": "amounts asked for are bounded first",
    "reservation_live": "a reservation starts before it ends",
    "stock_unit_kept": "no use case deletes a unit",
    "topup_credit": "a top-up is credited by a deposit",
    "topup_status": "the domain knows no other status",
    "transfer_amount_positive": "the domain makes no such transfer",
    "transfer_between_two": "the domain makes no such transfer",
    "transfer_immutable": "no use case changes the books",
    "transfer_named_after_its_cause": "the domain names what happens once for an order or deposit after it",
    "transfer_names_customer": "the domain's transfers name their customer",
    "used_signature_once": "a used one is looked up, never inserted twice",
    "website_refund_was_paid": "what was never paid is never owed",
}
"""Constraint → why nobody outside meets it: whoever violates it has found a mistake in the code."""

LOST: Final = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
)
"""The server goes, has gone, has given us up, or is no primary any more."""


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
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unavailable("the database")
        case _:
            return Unavailable("the database") if is_lost(error) else error


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
    if not isinstance(error, psycopg.Error) or error.diag.sqlstate is not None:
        return False
    return _is_from_the_library(error) or (
        isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        and not isinstance(error, PoolTimeout | TooManyRequests | PoolClosed)
    )


def _is_from_the_library(error: psycopg.Error) -> bool:
    """Whether libpq tells of a broken connection: no server spoke, so the error has no class of its own."""
    return type(error) is psycopg.DatabaseError and error.diag.sqlstate is None


def tell(error: psycopg.Error) -> NoReturn:
    """Raise what the application is told of an error."""
    told = refusal(error)
    if told is error:
        raise error
    raise told from error


@contextmanager
def translating() -> Iterator[None]:
    """For statements whose errors do not come from a cursor: those in a pipeline."""
    try:
        yield
    except psycopg.Error as error:
        tell(error)
