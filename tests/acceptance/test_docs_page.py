"""Sections 9 and 13: the page that clients read, and the collection that they download."""

from __future__ import annotations

import json
import re

import pytest

from tests.acceptance.server import Server
from tests.acceptance.shop import Shop, told
from ytmarket.domain import Network

# What sending costs in dollars, and how long it takes.
NETWORKS = {
    "usdt_trc_20": ("0.5-1", "1-3 min"),
    "usdt_bep_20": ("0.2-0.5", "30 s - 2 min"),
    "usdt_polygon": ("0.01-0.05", "1-3 min"),
    "usdt_arbitrum": ("0.1-0.3", "30 s"),
    "usdt_ton": ("0.05-0.1", "5-15 s"),
    "usdt_solana": ("0.01-0.02", "5-30 s"),
}
ENDPOINTS = [
    ("GET", "/health"), ("GET", "/products"), ("GET", "/products/{id}"), ("GET", "/categories"),
    ("GET", "/balance"), ("POST", "/balance/topup"), ("POST", "/orders"), ("GET", "/orders/{id}"),
    ("GET", "/usage"),
]  # fmt: skip


@pytest.mark.parametrize("network", Network)
def test_each_network_has_its_fee_its_time_and_a_word_of_advice(network: Network) -> None:
    fee, time = NETWORKS[network]
    assert (network.facts.fee, network.facts.time) == (f"{fee} USD", time)
    assert network.facts.recommendation
    assert (network.facts.recommendation == "Default") is (network == "usdt_trc_20")


@pytest.fixture(scope="module")
def page(demo: Server) -> str:
    with demo.client() as reader:
        answer = reader.get("/api/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def test_the_page_shows_what_sending_costs_and_takes(page: str) -> None:
    for network, (fee, time) in NETWORKS.items():
        row = next(row for row in page.split("<tr") if network in row and fee in row)
        assert time in row


def test_the_page_has_a_place_for_every_refusal_that_points_to_it(page: str, shop: Shop) -> None:
    customer = shop.customer()
    refusals = [
        told(customer.get("/orders/1"), 404),
        told(customer.get("/nowhere"), 404),
        told(customer.post("/orders", {}), 422),
        told(shop.http.get("/api/v1/health"), 401),
    ]
    for refusal in refusals:
        path, _, anchor = refusal["type"].partition("#")
        assert path == "/api/docs"
        assert re.search(rf'\bid="?{anchor}\b', page), anchor


def test_the_collection_for_postman_has_every_endpoint(demo: Server) -> None:
    with demo.client() as reader:
        answer = reader.get("/api/docs/postman_collection.json")
    assert answer.status_code == 200
    collection = json.loads(answer.content)
    assert "postman" in collection["info"]["schema"]
    requests = {(item["request"]["method"], item["name"].split()[1]) for item in collection["item"]}
    assert requests >= set(ENDPOINTS)
