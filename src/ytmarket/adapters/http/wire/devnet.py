"""What devnet is told to do."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from ytmarket.adapters.http.wire.bodies import Body, read
from ytmarket.adapters.http.wire.money import Amount
from ytmarket.adapters.http.wire.topups import read_network
from ytmarket.application.ports.devnet import DevnetTransfer, SupplierMode
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.money import ZERO
from ytmarket.domain.networks import Network

AGE_SECONDS_MAX: Final = 366 * 24 * 3600

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class TransferBody(Body, frozen=True, kw_only=True):
    """POST /transfers."""

    network: str
    amount_usdt: Amount
    sender: Word | None = None
    token: Word | None = None
    age_seconds: Annotated[int, msgspec.Meta(ge=0, le=AGE_SECONDS_MAX)] | None = None


class SupplierBody(Body, frozen=True, kw_only=True):
    """POST /supplier."""

    mode: str


def read_transfer(body: bytes) -> DevnetTransfer:
    """Raises `InvalidRequest`."""
    told = read(TransferBody, body)
    if told.amount_usdt.usdt <= ZERO:
        raise InvalidRequest(pointer="/amount_usdt", problem="must be more than 0")
    return DevnetTransfer(
        network=read_network(told.network, Network),
        amount=told.amount_usdt.usdt,
        sender=told.sender,
        token=told.token,
        age_seconds=told.age_seconds or 0,
    )


def read_mode(body: bytes) -> SupplierMode:
    """Raises `InvalidRequest`."""
    try:
        return SupplierMode(read(SupplierBody, body).mode)
    except ValueError:
        problem = f"must be one of {', '.join(SupplierMode)}"
        raise InvalidRequest(pointer="/mode", problem=problem) from None
