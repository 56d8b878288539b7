"""Section 3: health, products and categories."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.shop import Customer, Shop, told

# price, least quantity of its own, units in stock, least quantity in effect (600 roubles at 80 a USDT)
SHELF = [
    ("0.01", 1, 3, 750),
    ("0.75", 1, 10, 10),
    ("7.49", 1, 5, 2),
    ("7.50", 1, 9, 1),
    ("7.51", 1, 30, 1),
    ("40", 25, 60, 25),
    ("41", 1, 0, 1),
]


@pytest.fixture(scope="module")
def shelf(shop: Shop) -> list[int]:
    """The numbers of the products on the shelf."""
    return [
        shop.product(price, units=units, min_quantity=least, category=f"Shelf {place % 2}")
        for place, (price, least, units, _) in enumerate(SHELF)
    ]


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Customer:
    return shop.customer()


@pytest.fixture(scope="module")
def mine(customer: Customer, shelf: list[int]) -> Any:
    """Which of the shelf's products are found with some filter, by their places."""

    def find(**parameters: object) -> list[int]:
        found = customer.ask("/products", page_size=200, **parameters)
        return [shelf.index(row["id"]) for row in found["items"] if row["id"] in shelf]

    return find


def test_health_says_ok_and_the_time(customer: Customer) -> None:
    told_now = customer.ask("/health")
    assert set(told_now) == {"status", "timestamp"}
    assert told_now["status"] == "ok"
    assert abs(told_now["timestamp"] - time.time()) < 5


def test_a_product_tells_all_that_an_order_needs(customer: Customer, shelf: list[int]) -> None:
    row = customer.ask(f"/products/{shelf[1]}")
    assert row == {
        "id": shelf[1],
        "sku": f"SKU-{shelf[1]}",
        "title": f"Product {shelf[1]}",
        "category": "Shelf 1",
        "price_usdt": Decimal("0.75"),
        "min_quantity": 10,
        "available": 10,
    }
    assert row in customer.ask("/products", sku=row["sku"])["items"]


def test_an_unknown_product_is_404(customer: Customer) -> None:
    for number in ("999999", "0", "-1", "x", "9" * 30):
        assert told(customer.get(f"/products/{number}"), 404)["code"] == "product_not_found"


def test_without_filters_what_is_in_stock_is_listed(mine: Any) -> None:
    assert mine() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({"category": "Shelf 0"}, [0, 2, 4]),
        ({"category": "Shelf 1", "min_price": 1}, [3, 5]),
        ({"min_price": "7.5"}, [3, 4, 5]),
        ({"min_price": "7.500001"}, [4, 5]),
        ({"max_price": "7.5"}, [0, 1, 2, 3]),
        ({"max_price": "7.499999"}, [0, 1, 2]),
        ({"min_price": "7.5", "max_price": "7.5"}, [3]),
        ({"min_qty": 10}, [1, 4, 5]),
        ({"min_qty": 11}, [4, 5]),
        ({"min_qty": 60, "min_price": "39.99"}, [5]),
        ({"min_price": 50}, []),
    ],
)
def test_each_filter_holds_to_the_cent(mine: Any, parameters: dict[str, object], places: list[int]) -> None:
    assert mine(**parameters) == places


def test_an_sku_is_found_whole(customer: Customer, shelf: list[int]) -> None:
    sku = f"SKU-{shelf[3]}"
    assert [row["id"] for row in customer.ask("/products", sku=sku)["items"]] == [shelf[3]]
    assert customer.ask("/products", sku=sku[:-1] + "x")["total"] == 0


def test_pages_follow_each_other_by_number_without_gap(customer: Customer) -> None:
    everything = customer.ask("/products", page_size=200)
    assert everything["total"] == len(everything["items"])
    numbers = [row["id"] for row in everything["items"]]
    assert numbers == sorted(numbers)
    paged = []
    for page in range(1, everything["total"] // 2 + 2):
        found = customer.ask("/products", page=page, page_size=2)
        assert (found["page"], found["page_size"], found["total"]) == (page, 2, everything["total"])
        paged += [row["id"] for row in found["items"]]
    assert paged == numbers
    assert customer.ask("/products", page=500)["items"] == []


def test_without_parameters_it_is_the_first_page_of_fifty(customer: Customer) -> None:
    found = customer.ask("/products")
    assert (found["page"], found["page_size"]) == (1, 50)
    assert found["items"] == customer.ask("/products", page=1, page_size=50, min_qty=1)["items"]


def test_categories_count_what_is_in_stock_and_name_the_cheapest(
    customer: Customer, shelf: list[int]
) -> None:
    rows = {row["category"]: row for row in customer.ask("/categories")["items"]}
    assert rows["Shelf 0"] == {"category": "Shelf 0", "products": 3, "min_price_usdt": Decimal("0.01")}
    assert rows["Shelf 1"] == {"category": "Shelf 1", "products": 3, "min_price_usdt": Decimal("0.75")}
    assert len(shelf) == 7


def test_the_catalogue_is_read_only(customer: Customer, shelf: list[int]) -> None:
    for path in ("/products", f"/products/{shelf[0]}", "/categories", "/health"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = customer.send(method, path)
            assert told(answer, 405)["code"] == "method_not_allowed"
            assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("place", range(len(SHELF)))
def test_the_least_quantity_is_the_products_own_or_what_reaches_the_floor(
    customer: Customer, shelf: list[int], place: int
) -> None:
    assert customer.ask(f"/products/{shelf[place]}")["min_quantity"] == SHELF[place][3]


@pytest.mark.parametrize("place", [0, 1, 2, 5])
def test_below_the_least_quantity_an_order_is_400_and_names_it(
    customer: Customer, shelf: list[int], place: int
) -> None:
    least = SHELF[place][3]
    refusal = told(customer.buy(shelf[place], least - 1), 400)
    assert (refusal["code"], refusal["min_quantity"]) == ("below_minimum", least)
    assert str(least) in refusal["detail"]
    # One more is enough, though this customer cannot pay, or the shelf is too short.
    assert customer.buy(shelf[place], least).status_code in {402, 409}


def test_the_price_of_the_catalogue_is_the_price_of_an_order(shop: Shop, shelf: list[int]) -> None:
    buyer = shop.customer(210)
    order = buyer.order(shelf[1], 10)
    assert order["raw_data"] == {"dp_hits": 0}
    assert order["price_usdt"] == Decimal("7.50")
