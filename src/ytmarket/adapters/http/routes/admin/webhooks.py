"""Webhooks that an operator sends again."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest
from ytmarket.adapters.http.paths import path_name
from ytmarket.adapters.http.wire.admin import read_optional_reason
from ytmarket.adapters.http.wire.admin_views import ResentView
from ytmarket.domain.errors import EventNotFound
from ytmarket.domain.ids import EventId
from ytmarket.domain.webhooks import Delivery


async def resend_webhook(request: OperatorRequest) -> Response:
    """POST /webhooks/{event_id}/resend: from its first attempt."""
    event = EventId(path_name(request.exchange, "event_id", EventNotFound))
    reason = read_optional_reason(await request.body())
    await request.services.webhooks.resend(event, request.actor, reason=reason)
    return answer(ResentView(event, Delivery.PENDING))
