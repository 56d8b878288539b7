"""The message that caused a transaction: from whom it is, and what it says."""

from __future__ import annotations

import attrs

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.adapters.chains.ton.cells import CellReader

CREATED_BITS = 64 + 32  # logical time and time


@attrs.frozen
class InternalMessage:
    """One that another contract has sent."""

    source: Address | None
    has_bounced: bool
    """It is our own, come back because who should get it refused."""

    body: CellReader


def cause_of(transaction: CellReader) -> InternalMessage | None:
    """None for a transaction without a message, or with one from outside of the chain.

    The transaction's first reference holds what came in and what went out. Raises `ValueError`.
    """
    message = transaction.ref().maybe_ref()
    if message is None or message.flag():
        return None
    message.bits(2)  # whether instant routing is off, and whether it may bounce
    has_bounced = message.flag()
    source = message.address()
    message.address()
    _skip_value(message)
    message.coins()  # fees of the routing and of the forwarding
    message.coins()
    message.bits(CREATED_BITS)
    _skip_state(message)
    return InternalMessage(source, has_bounced, message.ref() if message.flag() else message)


def _skip_value(message: CellReader) -> None:
    message.coins()
    message.maybe_ref()  # other currencies


def _skip_state(message: CellReader) -> None:
    """What the receiver is to be made of, if it is not there yet: beside the message, or in it."""
    if not message.flag():
        return
    if message.flag():
        message.ref()
        return
    if message.flag():
        message.bits(5)  # how far it may be split
    if message.flag():
        message.bits(2)  # whether it runs by the clock
    for _ in ("code", "data", "libraries"):
        message.maybe_ref()
