"""What is for sale."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.admission import ClientRequest
from ytmarket.adapters.http.answers import answer, rendered_answer
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.catalog import ProductPages, category_view, product_view
from ytmarket.adapters.http.wire.lists import page, slice_of
from ytmarket.adapters.http.wire.queries import read_paging, read_products_query
from ytmarket.domain.errors import ProductNotFound
from ytmarket.domain.ids import ProductId

_pages = ProductPages()


async def list_products(request: ClientRequest) -> Response:
    """GET /products."""
    services = request.services
    wanted, paging = read_products_query(request.exchange.query_string)
    terms = await services.order_desk.minimum()
    found = await services.reading.products(wanted, paging)
    return rendered_answer(_pages.render(found, terms))


async def show_product(request: ClientRequest) -> Response:
    """GET /products/{id}."""
    services = request.services
    product_id = ProductId(path_id(request.exchange, ProductNotFound))
    terms = await services.order_desk.minimum()
    return answer(product_view(await services.reading.product(product_id), terms))


async def list_categories(request: ClientRequest) -> Response:
    """GET /categories."""
    paging = read_paging(request.exchange.query_string)
    categories = await request.services.reading.categories()
    return answer(page(slice_of(categories, paging), category_view))
