"""Playing chain and supplier, on devnet only."""

from __future__ import annotations

import attrs
import msgspec
from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.exchange import Exchange
from ytmarket.adapters.http.refusals import PathNotFound
from ytmarket.adapters.http.wire.devnet import read_mode, read_transfer
from ytmarket.application.ports.devnet import Devnet
from ytmarket.domain import limits


class TransferView(msgspec.Struct):
    """The hash by which the chain knows the transfer."""

    tx_hash: str


class SupplierView(msgspec.Struct):
    """What happens to orders from now on."""

    mode: str


@attrs.frozen(kw_only=True)
class DevnetRequest:
    """A request from anybody, to a chain where nothing has a value."""

    devnet: Devnet
    exchange: Exchange


async def admit_player(door: Door, exchange: Exchange) -> DevnetRequest:
    """Raises `PathNotFound` where the shop is on real networks."""
    devnet = door.holder.open_services().devnet
    if devnet is None:
        raise PathNotFound
    return DevnetRequest(devnet=devnet, exchange=exchange)


async def send_transfer(request: DevnetRequest) -> Response:
    """POST /transfers."""
    transfer = read_transfer(await request.exchange.body(limits.BODY_BYTES_MAX))
    return answer(TransferView(await request.devnet.send(transfer)))


async def set_supplier(request: DevnetRequest) -> Response:
    """POST /supplier."""
    mode = read_mode(await request.exchange.body(limits.BODY_BYTES_MAX))
    await request.devnet.set_supplier_mode(mode)
    return answer(SupplierView(mode))
