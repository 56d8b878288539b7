"""Top-ups as clients open and see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from ytmarket.adapters.http.wire.bodies import Body, read
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.money import Amount, Money, money
from ytmarket.application.reading import TopupState
from ytmarket.application.topups import OpenTopup
from ytmarket.domain import topups
from ytmarket.domain.errors import InvalidRequest, Refused
from ytmarket.domain.networks import CODES, Network
from ytmarket.domain.times import epoch_seconds


class TopupBody(Body, frozen=True, kw_only=True):
    """POST /balance/topup."""

    amount_usdt: Amount
    network: Annotated[str, msgspec.Meta(extra_json_schema={"enum": CODES})]
    exact: bool | None = None


class TopupView(msgspec.Struct, kw_only=True):
    """A top-up: `amount_usdt` is what must be sent."""

    topup_id: str
    status: str
    payment_address: str
    payment_network: str
    amount_usdt: Money
    requested_amount_usdt: Money
    created_at: int
    expires_at: int
    notice: str | msgspec.UnsetType = msgspec.UNSET
    network_delayed: bool


def read_topup(body: bytes, offered: Iterable[Network]) -> OpenTopup | Refused:
    """What is to be opened, or why these words are no top-up."""
    try:
        wanted = read(TopupBody, body)
        amount = wanted.amount_usdt.usdt
        topups.check_amount(amount)
        network = read_network(wanted.network, offered)
    except Refused as refusal:
        return refusal
    return OpenTopup(amount=amount, network=network, exact=bool(wanted.exact))


def read_network(name: str, offered: Iterable[Network]) -> Network:
    """The network of that name. Raises `InvalidRequest` with those that are offered."""
    try:
        return Network(name)
    except ValueError:
        raise InvalidRequest(
            pointer="/network", problem="is not a network that we know", offered=tuple(offered)
        ) from None


def topup_state(state: TopupState) -> TopupView:
    """The top-up as its owner sees it, with a notice where the amount is not the one asked for."""
    topup = state.topup
    view = TopupView(
        topup_id=topup.id,
        status=topup.status,
        payment_address=topup.address,
        payment_network=topup.network,
        amount_usdt=money(topup.amount),
        requested_amount_usdt=money(topup.requested),
        created_at=epoch_seconds(topup.created_at),
        expires_at=epoch_seconds(topup.expires_at),
        network_delayed=state.network_delayed,
    )
    if topup.amount != topup.requested:
        view.notice = (
            f"Send exactly {topup.amount} USDT and not {topup.requested}: only amount_usdt will be credited"
        )
    return view


def render_topup(state: TopupState) -> bytes:
    """The answer to an opened top-up."""
    return encode(topup_state(state))
