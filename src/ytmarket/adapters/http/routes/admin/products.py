"""The shelves, as operators fill them."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.admin import read_product, read_units
from ytmarket.adapters.http.wire.admin_views import StockView
from ytmarket.adapters.http.wire.catalog import product_view
from ytmarket.domain.errors import ProductNotFound
from ytmarket.domain.ids import ProductId

STOCK_BYTES_MAX: Final = 32 * 1024 * 1024
STOCK_SECONDS: Final = 120.0  # so many units are sealed and written in one transaction


async def put_product(request: OperatorRequest) -> Response:
    """PUT /products/{id}: add a product, or change all but its stock."""
    product = read_product(_product_id(request), await request.body())
    kept = await request.services.catalog.put(product, request.actor)
    return answer(product_view(kept, await request.services.order_desk.minimum()))


async def add_stock(request: OperatorRequest) -> Response:
    """POST /products/{id}/stock: put units on the shelf, all or none."""
    product_id = _product_id(request)
    body = await request.body(STOCK_BYTES_MAX)
    # Megabytes of JSON take a while to read; meanwhile clients are served.
    units = await asyncio.to_thread(read_units, body)
    available = await request.services.catalog.add_stock(product_id, units, request.actor)
    return answer(StockView(len(units), available))


def _product_id(request: OperatorRequest) -> ProductId:
    return ProductId(path_id(request.exchange, ProductNotFound))
