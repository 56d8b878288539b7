"""The app inside another one: under its prefix, with and without a lifespan of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.http.shop import as_sent, open_world
from tests.http.test_admission import code_of
from ytmarket.adapters.http.app import ShopHolder, build_app

ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}


async def home(_: object) -> PlainTextResponse:
    return PlainTextResponse("home")


async def test_mounted_under_a_prefix_it_is_the_same_shop() -> None:
    world = open_world()
    await world.product(1, "8")
    key = await world.rich(secret=True)
    parent = Starlette(routes=[Route("/", home), Mount("/shop", world.app())])
    body = as_sent(ORDER)
    headers = world.signed(key, body) | {"Idempotency-Key": "a-1"}
    async with world.client(key, app=parent) as client:
        assert (await client.get("/")).text == "home"
        assert (await client.get("/shop/api/v1/health")).status_code == 200
        placed = await client.post("/shop/api/v1/orders", content=body, headers=headers)
        number = placed.json()["order_id"]
        assert (await client.get(f"/shop/api/v1/orders/{number}")).json()["order_id"] == number
        assert code_of(await client.get("/shop/api/v1/nowhere"), "/shop") == (404, "path_not_found")
        assert code_of(await client.get("/shop/nowhere"), "/shop") == (404, "path_not_found")
    async with world.client(key) as client:
        again = await client.post("/api/v1/orders", content=body, headers=headers)
        assert (again.content, again.headers["idempotent-replayed"]) == (placed.content, "true")


async def test_mounted_its_own_links_lead_somewhere() -> None:
    world = open_world()
    await world.product(1, "8")
    key = await world.mint()
    for mount in ("/shop", "/a shop/in here"):
        async with world.client(app=Starlette(routes=[Mount(mount, world.app())])) as client:
            refused = await client.get(f"{mount}/api/v1/health")
            docs = urljoin(str(refused.url), refused.json()["type"])
            assert (await client.get(docs)).status_code == 200 and docs.endswith("#invalid_api_key")
            told = await client.get(f"{mount}/api/openapi.json")
            server = urljoin(str(told.url), told.json()["servers"][0]["url"])
            client.headers["X-API-Key"] = key.key
            assert (await client.get(f"{server}/api/v1/health")).status_code == 200
            short = (await client.post(f"{mount}/api/v1/orders", json=ORDER)).json()
            assert short["code"] == "insufficient_balance" and short["topup_path"] in short["detail"]
            topup = {"amount_usdt": 5, "network": "usdt_ton"}
            opened = await client.post(urljoin(str(told.url), short["topup_path"]), json=topup)
            assert opened.status_code == 200


async def test_a_prefix_that_ends_in_a_slash_is_the_same_prefix() -> None:
    """Some servers are told it so, and put it before each path as it stands."""
    world = open_world()
    for prefix, root in (("/shop/", "/shop"), ("/", "")):
        transport = httpx2.ASGITransport(app=world.app(), root_path=prefix)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop") as client:
            refused = await client.get(f"http://shop{prefix}/api/v1/health")
            assert refused.json()["type"] == f"{root}/api/docs#invalid_api_key"
            told = await client.get(f"http://shop{prefix}/api/openapi.json")
            assert told.json()["servers"] == [{"url": root or "/"}]


async def test_what_is_added_to_the_app_has_its_handlers() -> None:
    class Broken(Exception):
        pass

    async def broken(_: Request) -> PlainTextResponse:
        raise Broken

    async def told(_: Request, __: Exception) -> PlainTextResponse:
        return PlainTextResponse("told", 418)

    world = open_world()
    app = world.app()
    app.router.routes.insert(0, Route("/broken", broken))
    app.add_exception_handler(Broken, told)
    async with world.client(await world.mint(), app=app) as client:
        assert (await client.get("/broken")).status_code == 418
        assert (await client.get("/api/v1/health")).status_code == 200


async def test_its_lifespan_opens_the_shop() -> None:
    world = open_world()
    key = await world.mint()
    holder = ShopHolder()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        holder.services = world.services
        yield
        holder.services = None

    app = build_app(holder=holder, lifespan=lifespan)
    parent = Starlette(routes=[Mount("/shop", app)])
    transport = httpx2.ASGITransport(app=parent)
    headers = {"X-API-Key": key.key}
    async with httpx2.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
        assert (await client.get("/shop/api/v1/health")).status_code == 503
        async with app.router.lifespan_context(app):
            assert (await client.get("/shop/api/v1/health")).status_code == 200
        assert (await client.get("/shop/api/v1/health")).status_code == 503
