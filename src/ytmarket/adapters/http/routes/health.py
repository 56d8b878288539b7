"""Whether the shop is open, and this key good."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from ytmarket.adapters.http.admission import ClientRequest
from ytmarket.adapters.http.answers import answer
from ytmarket.domain.times import epoch_seconds


class HealthView(msgspec.Struct):
    """Said to whoever comes with a good key."""

    status: str
    timestamp: int


async def show_health(request: ClientRequest) -> Response:
    """GET /health."""
    return answer(HealthView("ok", epoch_seconds(request.services.clock.now())))
