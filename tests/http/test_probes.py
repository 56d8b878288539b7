"""Whoever runs the shop asks without a key whether it lives and whether it is ready."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.http.shop import World, open_world
from tests.http.test_admission import code_of
from ytmarket.adapters.http.app import ShopHolder, build_app


async def later(world: World) -> None:
    world.services.readiness._fresh_until = 0.0


async def test_a_shop_in_order_lives_and_is_ready() -> None:
    world = open_world()
    async with world.client() as client:
        for path, status in (("/livez", "alive"), ("/readyz", "ready")):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": status})
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-request-id"]
            head = await client.head(path)
            assert (head.status_code, head.headers["content-length"]) == (
                200,
                answer.headers["content-length"],
            )
            refused = await client.post(path)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert len(await world.services.queries.heartbeats()) == 1


async def test_without_its_store_it_lives_and_is_not_ready_until_the_store_is_back() -> None:
    world = open_world()
    async with world.client() as client:
        world.database.is_down = True
        assert (await client.get("/livez")).status_code == 200
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        told = answer.json()
        assert (told["code"], told["not_ready"], told["status"]) == ("not_ready", ["database"], 503)
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.head("/readyz")).status_code == 503
        world.database.is_down = False
        await later(world)
        assert (await client.get("/readyz")).status_code == 200


async def test_before_it_has_opened_it_lives_and_is_not_ready() -> None:
    world = open_world()
    app = build_app(holder=ShopHolder())
    async with world.client(app=app) as client:
        assert (await client.get("/livez")).status_code == 200
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["not_ready"]) == (503, ["shop"])


async def test_mounted_they_stand_under_its_prefix() -> None:
    world = open_world()
    parent = Starlette(routes=[Mount("/shop", world.app())])
    async with world.client(app=parent) as client:
        for path in ("/shop/livez", "/shop/readyz"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_no_allowance_is_used_and_none_is_needed(path: str) -> None:
    world = open_world(limit=1, refusals=1)
    key = await world.mint()
    async with world.client(key) as client:
        for _ in range(50):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers
        assert (await client.get("/api/v1/health")).status_code == 200
    async with world.client("ytm_nobody") as client:
        assert (await client.get(path)).status_code == 200
        assert code_of(await client.get("/api/v1/health")) == (401, "invalid_api_key")
