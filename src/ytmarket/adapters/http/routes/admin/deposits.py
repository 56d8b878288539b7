"""Deposits that wait for an operator."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest, instruction, told
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.admin import (
    DepositCorrectBody,
    DepositCreditBody,
    ReasonBody,
    read_deposits_query,
)
from ytmarket.adapters.http.wire.admin_views import render_deposit, render_orphaned, waiting_view
from ytmarket.adapters.http.wire.bodies import read
from ytmarket.adapters.http.wire.lists import page
from ytmarket.domain.errors import DepositNotFound
from ytmarket.domain.ids import DepositId, TopupId


async def list_deposits(request: OperatorRequest) -> Response:
    """GET /deposits?status=unmatched."""
    status, dust, paging = read_deposits_query(request.exchange.query_string)
    return answer(page(await request.services.deposit_desk.listing(status, paging, dust=dust), waiting_view))


async def credit_deposit(request: OperatorRequest) -> Response:
    """POST /deposits/{id}/credit: the key's account gets what arrived."""
    deposit, body = _deposit(request), await request.body()
    wanted = read(DepositCreditBody, body)
    word = instruction(request, wanted.reason, body, render_deposit)
    topup = None if wanted.topup_id is None else TopupId(wanted.topup_id)
    return told(await request.services.deposit_desk.credit(deposit, wanted.fp, word, topup=topup))


async def correct_deposit(request: OperatorRequest) -> Response:
    """POST /deposits/{id}/correct: taken from who got it, given to the key's account."""
    deposit, body = _deposit(request), await request.body()
    wanted = read(DepositCorrectBody, body)
    word = instruction(request, wanted.reason, body, render_deposit)
    return told(await request.services.deposit_desk.correct(deposit, wanted.fp, word))


async def return_deposit(request: OperatorRequest) -> Response:
    """POST /deposits/{id}/return: it went back to its sender."""
    deposit, body = _deposit(request), await request.body()
    word = instruction(request, read(ReasonBody, body).reason, body, render_deposit)
    return told(await request.services.deposit_desk.send_back(deposit, word))


async def orphan_deposit(request: OperatorRequest) -> Response:
    """POST /deposits/{id}/orphan: its chain took it back, and so does the shop."""
    deposit, body = _deposit(request), await request.body()
    word = instruction(request, read(ReasonBody, body).reason, body, render_orphaned)
    return told(await request.services.deposit_desk.orphan(deposit, word))


def _deposit(request: OperatorRequest) -> DepositId:
    return DepositId(path_id(request.exchange, DepositNotFound))
