"""What operators did."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest
from ytmarket.adapters.http.wire.admin_views import audit_view
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.queries import Parameters
from ytmarket.application.ports.queries import Listing, Paging
from ytmarket.domain import limits

LIMIT_DEFAULT: Final = 50


async def list_audit(request: OperatorRequest) -> Response:
    """GET /api-audit?limit=50: the latest, newest first."""
    given = Parameters.of(request.exchange.query_string)
    limit = given.whole("limit", LIMIT_DEFAULT, low=1, high=limits.PAGE_SIZE_MAX)
    rows = await request.services.audit.latest(limit)
    # Rows are numbered without gaps, so the newest one's number is how many there are.
    total = rows[0].number if rows else 0
    return answer(page(Listing(rows=rows, paging=Paging(page=1, page_size=limit), total=total), audit_view))
