"""Putting money in."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from ytmarket.adapters.http.admission import ClientRequest, read_attempt
from ytmarket.adapters.http.answers import answer, kept_answer
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.queries import read_paging
from ytmarket.adapters.http.wire.topups import read_topup, topup_state
from ytmarket.domain.errors import Refused, TopupNotFound
from ytmarket.domain.ids import TopupId

PATH: Final = "/api/v1/balance/topup"
ID_CHARS_MAX: Final = 64


async def open_topup(request: ClientRequest) -> Response:
    """POST /balance/topup."""
    service = request.services.topups
    attempt = await read_attempt(request, PATH)
    command = read_topup(request.body, service.payees.wallets)
    if isinstance(command, Refused) and attempt is None and request.signature is None:
        raise command  # nothing is to be written, so nothing need be asked
    opened = await service.open(request.origin(attempt), command)
    return kept_answer(opened.body, replayed=opened.replayed)


async def show_topup(request: ClientRequest) -> Response:
    """GET /balance/topup/{id}."""
    topup_id = request.exchange.path_parameter("id")
    if len(topup_id) > ID_CHARS_MAX or "\0" in topup_id:
        raise TopupNotFound
    state = await request.services.reading.topup(request.key.account_id, TopupId(topup_id))
    return answer(topup_state(state))


async def list_topups(request: ClientRequest) -> Response:
    """GET /balance/topups."""
    paging = read_paging(request.exchange.query_string)
    return answer(page(await request.services.reading.topups(request.key.account_id, paging), topup_state))
