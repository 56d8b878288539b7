"""Orders without a balance: the website's, and those of other marketplaces."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.answers import rendered_answer
from ytmarket.adapters.http.operators import OperatorRequest, instruction, placing, told
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.admin_views import render_deposit
from ytmarket.adapters.http.wire.bodies import read
from ytmarket.adapters.http.wire.orders import render_order
from ytmarket.adapters.http.wire.website import (
    DepositApplyBody,
    RefundPaidBody,
    read_marketplace_order,
    read_website_order,
    render_checkout,
    render_website_order,
)
from ytmarket.domain.errors import DepositNotFound, OrderNotFound
from ytmarket.domain.ids import DepositId, OrderId


async def open_website_order(request: OperatorRequest) -> Response:
    """POST /website-orders: units and an amount are held until it is paid or expires."""
    body, desk = await request.body(), request.services.website
    wanted = read_website_order(body, desk.payees.wallets)
    return told(await desk.open(wanted, placing(request, body, render_checkout)))


async def show_website_order(request: OperatorRequest) -> Response:
    """GET /website-orders/{id}: with its items, once something was delivered."""
    return rendered_answer(render_website_order(await request.services.website.find(_order(request))))


async def pay_website_refund(request: OperatorRequest) -> Response:
    """POST /website-orders/{id}/refund-paid: the buyer was sent what it was owed."""
    order_id, body = _order(request), await request.body()
    said = read(RefundPaidBody, body)
    word = instruction(request, said.reason, body, render_website_order)
    return told(await request.services.website.refund_paid(order_id, said.tx_hash, word))


async def take_marketplace_order(request: OperatorRequest) -> Response:
    """POST /marketplace-orders: paid there, delivered by us."""
    body = await request.body()
    sold = read_marketplace_order(body)
    return told(await request.services.marketplace.take(sold, placing(request, body, render_order)))


async def apply_deposit(request: OperatorRequest) -> Response:
    """POST /deposits/{id}/apply: it pays a website order that still awaits its payment."""
    deposit, body = DepositId(path_id(request.exchange, DepositNotFound)), await request.body()
    said = read(DepositApplyBody, body)
    word = instruction(request, said.reason, body, render_deposit)
    return told(await request.services.website.apply(deposit, OrderId(said.order_id), word))


def _order(request: OperatorRequest) -> OrderId:
    return OrderId(path_id(request.exchange, OrderNotFound))
