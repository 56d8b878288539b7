"""The only place that knows JSON: what requests may say, and how answers and webhooks look."""

from __future__ import annotations

from ytmarket.adapters.http.wire.orders import render_event, render_order
from ytmarket.adapters.http.wire.topups import render_topup

__all__ = ["render_event", "render_order", "render_topup"]
