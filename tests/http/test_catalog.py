"""The catalogue: filters, pages, the effective minimum, and queries that make no sense."""

from decimal import Decimal
from typing import Any

import httpx2
import pytest

from tests.http.shop import World, open_world
from tests.http.test_admission import code_of
from ytmarket.adapters.http.wire.catalog import ProductPages
from ytmarket.application.audit import Actor
from ytmarket.application.ports.queries import Listing, Paging
from ytmarket.domain.catalog import MinimumTerms, ProductFilter
from ytmarket.domain.ids import ProductId


async def stocked() -> tuple[World, httpx2.AsyncClient]:
    world = open_world()
    await world.product(3, "0.50", category="mail", units=100)
    await world.product(1, "2", category="mail", sku="M-1", units=3)
    await world.product(2, "10", category="social", units=1, min_quantity=4)
    await world.product(4, "7.50", category="social & more", units=0)
    return world, world.client(await world.mint())


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [1, 2, 3]),
        ("?min_qty=0", [1, 2, 3, 4]),
        ("?min_qty=3", [1, 3]),
        ("?min_qty=101", []),
        ("?category=mail", [1, 3]),
        ("?category=Mail", []),
        ("?category=social%20%26%20more&min_qty=0", [4]),
        ("?category=%D0%BF%D0%BE%D1%87%D1%82%D0%B0", []),
        ("?sku=M-1", [1]),
        ("?min_price=2", [1, 2]),
        ("?min_price=2.01", [2]),
        ("?min_price=0.50&max_price=2.0", [1, 3]),
        ("?max_price=0", []),
        ("?min_price=5&max_price=1", []),
        ("?page_size=1&page=2", [2]),
        ("?page_size=200", [1, 2, 3]),
        ("?page=1000000", []),
        ("?utm_source=mail&whatever=", [1, 2, 3]),
    ],
)
async def test_filters(query: str, ids: list[int]) -> None:
    _, client = await stocked()
    told = (await client.get(f"/api/v1/products{query}")).json()
    assert [item["id"] for item in told["items"]] == ids


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        *(
            (f"?page={value}", "page")
            for value in ("0", "-1", "", "1.0", "one", "1000001", "9" * 30, "9" * 5_000, "%D9%A1")
        ),
        *((f"?page_size={value}", "page_size") for value in ("0", "201", "", "1e1", "+1", "%00")),
        *((f"?min_qty={value}", "min_qty") for value in ("-1", "", "1.5", "1" + "0" * 9)),
        *(
            (f"?min_price={value}", "min_price")
            for value in ("-1", "", "1e2", "nan", "inf", "1,5", "9" * 16, "00")
        ),
        *((f"?max_price={value}", "max_price") for value in ("0.0000001", "x", "%201", "1000000000001")),
        *((f"?category={value}", "category") for value in ("", "%00", "a%00b", "x" * 201)),
        ("?sku=", "sku"),
        ("?page=1&page=1", "page"),
        ("?page=1&page=2", "page"),
        ("?" + "&".join(f"a{number}=1" for number in range(51)), ""),
    ],
)
async def test_queries_that_make_no_sense(query: str, pointer: str) -> None:
    _, client = await stocked()
    response = await client.get(f"/api/v1/products{query}")
    assert code_of(response) == (422, "invalid_request")
    assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("path", ["/categories", "/orders", "/balance/topups"])
async def test_all_lists_are_paged_alike(path: str) -> None:
    _, client = await stocked()
    told = (await client.get(f"/api/v1{path}?page=2&page_size=7")).json()
    assert {"items", "page", "page_size", "total"} == set(told)
    assert (told["page"], told["page_size"], told["items"]) == (2, 7, [])
    assert code_of(await client.get(f"/api/v1{path}?page=0")) == (422, "invalid_request")
    assert code_of(await client.get(f"/api/v1{path}?page_size=201")) == (422, "invalid_request")


async def test_one_product() -> None:
    _, client = await stocked()
    assert (await client.get("/api/v1/products/2")).json() == {
        "id": 2,
        "sku": "sku-2",
        "title": "Product 2",
        "category": "social",
        "price_usdt": 10.0,
        "min_quantity": 4,
        "available": 1,
    }
    cheap = await client.get("/api/v1/products/3")
    assert b'"price_usdt":0.5,"min_quantity":15,' in cheap.content
    for absent in ("999", "0", "-1", "x", "1.0", "9" * 30, "%D9%A1", "9223372036854775808", "%00"):
        response = await client.get(f"/api/v1/products/{absent}")
        assert code_of(response) == (404, "product_not_found"), absent


async def test_categories() -> None:
    _, client = await stocked()
    expected: dict[str, Any] = {
        "items": [
            {"category": "mail", "products": 2, "min_price_usdt": 0.5},
            {"category": "social", "products": 1, "min_price_usdt": 10.0},
        ],
        "page": 1,
        "page_size": 50,
        "total": 2,
    }
    assert (await client.get("/api/v1/categories")).json() == expected


async def test_a_page_that_was_rendered_is_given_again_only_while_it_is_true() -> None:
    world, client = await stocked()
    pages = ProductPages()
    found = await world.services.reading.products(ProductFilter(), Paging())
    cheap = MinimumTerms(rub_per_usdt=Decimal(80))
    first = pages.render(found, cheap)
    assert pages.render(found, MinimumTerms(rub_per_usdt=Decimal(80))) is first
    dear = pages.render(found, MinimumTerms(rub_per_usdt=Decimal(8)))
    assert (b'"min_quantity":15,' in first, b'"min_quantity":150,' in dear) == (True, True)
    before = (await client.get("/api/v1/products?sku=M-1")).json()["items"][0]
    await world.services.catalog.add_stock(ProductId(1), [b'{"a":1}'], Actor("test"))
    after = (await client.get("/api/v1/products?sku=M-1")).json()["items"][0]
    assert after == before | {"available": before["available"] + 1}
    for number in range(100):
        other = Listing(rows=found.rows[:1], paging=Paging(page=number + 1), total=number)
        assert f'"total":{number}'.encode() in pages.render(other, cheap)
