"""The only place that knows JSON: what requests may say, and how answers and webhooks look."""

from __future__ import annotations

from typing import Final

from ytmarket.adapters.http.wire.orders import render_event, render_order
from ytmarket.adapters.http.wire.topups import render_topup
from ytmarket.application.composition import Rendering

RENDERING: Final = Rendering(order=render_order, topup=render_topup, event=render_event)

__all__ = ["RENDERING", "render_event", "render_order", "render_topup"]
