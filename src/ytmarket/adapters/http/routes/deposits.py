"""What became of a transfer."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.admission import ClientRequest
from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.wire.deposits import DepositsView, deposit_view
from ytmarket.adapters.http.wire.queries import Parameters
from ytmarket.domain.errors import InvalidRequest


async def list_deposits(request: ClientRequest) -> Response:
    """GET /deposits."""
    tx_hash = Parameters.of(request.exchange.query_string).text("tx")
    if tx_hash is None:
        raise InvalidRequest(pointer="tx", problem="name the transaction by its hash: /deposits?tx=…")
    found = await request.services.reading.deposits(tx_hash)
    return answer(DepositsView([deposit_view(record, request.key.account_id) for record in found]))
