"""What operators did."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest
from ytmarket.adapters.http.wire.admin_views import audit_view
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.queries import Parameters
from ytmarket.application.ports.queries import Paging
from ytmarket.domain import limits

LIMIT_DEFAULT: Final = 50


async def list_audit(request: OperatorRequest) -> Response:
    """GET /api-audit?page=1&page_size=50: newest first; `limit` is another word for `page_size`."""
    given = Parameters.of(request.exchange.query_string)
    limit = given.whole("limit", LIMIT_DEFAULT, low=1, high=limits.PAGE_SIZE_MAX)
    paging = Paging(
        page=given.whole("page", 1, low=1, high=limits.PAGE_MAX),
        page_size=given.whole("page_size", limit, low=1, high=limits.PAGE_SIZE_MAX),
    )
    return answer(page(await request.services.audit.page(paging), audit_view))
