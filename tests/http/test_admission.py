"""Key, address, rate, signature: in this order, and each told as it is promised."""

from datetime import timedelta
from ipaddress import ip_network

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from tests.http.shop import HOME, World, open_world

HOME_ONLY = [ip_network(f"{HOME}/32")]


def code_of(response: httpx2.Response, root: str = "") -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == response.status_code
    assert told["type"] == f"{root}/api/docs#{told['code']}"
    assert told["request_id"] == response.headers["x-request-id"]
    return response.status_code, told["code"]


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/products",
        "/products/1",
        "/categories",
        "/balance",
        "/balance/topups",
        "/orders",
        "/orders/1",
        "/nowhere",
    ],
)
async def test_every_path_wants_a_key(path: str) -> None:
    world = open_world()
    async with world.client() as nobody, world.client("ytm_unknown") as stranger:
        for client in (nobody, stranger):
            response = await client.get(f"/api/v1{path}")
            assert code_of(response) == (401, "invalid_api_key")
            assert response.headers["www-authenticate"]
            post = await client.post(f"/api/v1{path}", content=b"no JSON")
            assert code_of(post) == (401, "invalid_api_key")


@pytest.mark.parametrize("name", ["", " ", "é", "\x80\xff", "x" * 201, "x" * 5_000, "a, b"])
async def test_keys_that_are_none(name: str) -> None:
    world = open_world()
    async with world.client() as client:
        response = await client.get("/api/v1/health", headers={b"X-API-Key": name.encode("latin-1")})
    assert code_of(response) == (401, "invalid_api_key")


async def test_two_keys_in_one_request_are_none() -> None:
    world = open_world()
    key = await world.mint()
    async with world.client() as client:
        headers = [("X-API-Key", key.key), ("X-API-Key", key.key)]
        assert code_of(await client.get("/api/v1/health", headers=headers)) == (401, "invalid_api_key")


async def test_a_revoked_key_is_none() -> None:
    world = open_world()
    key = await world.mint()
    async with world.database.unit_of_work() as uow:
        await uow.api_keys.revoke(key.record.id, world.clock.now())
        await uow.commit()
    async with world.client(key) as client:
        assert code_of(await client.get("/api/v1/health")) == (401, "invalid_api_key")


async def test_only_listed_addresses() -> None:
    world = open_world()
    key = await world.mint(allowed=[*HOME_ONLY, ip_network("2001:db8::/32")])
    for address, status in [
        (HOME, 200),
        (f"::ffff:{HOME}", 200),
        ("2001:db8:7::1", 200),
        ("192.0.2.8", 403),
        ("2001:db9::1", 403),
        ("no address", 403),
    ]:
        async with world.client(key, address=address) as client:
            response = await client.get("/api/v1/health")
            assert response.status_code == status, address
            assert response.headers["ratelimit-policy"]
            assert status == 200 or code_of(response) == (403, "ip_not_allowed")


async def test_a_proxy_of_ours_is_believed_and_nobody_else() -> None:
    world = open_world()
    key = await world.mint(allowed=HOME_ONLY)
    app = world.app(trusted_proxies=[ip_network("10.0.0.0/8")])
    for address, status in [("10.1.2.3", 200), ("198.51.100.1", 403)]:
        async with world.client(key, app=app, address=address) as client:
            response = await client.get("/api/v1/health", headers={"X-Forwarded-For": HOME})
            assert response.status_code == status


async def test_the_address_is_checked_before_the_rate_and_costs_the_key_nothing() -> None:
    world = open_world()
    key = await world.mint(allowed=HOME_ONLY)
    async with world.client(key, address="198.51.100.1") as elsewhere:
        for _ in range(100):
            assert code_of(await elsewhere.get("/api/v1/health")) == (403, "ip_not_allowed")
    async with world.client(key) as home:
        assert (await home.get("/api/v1/health")).headers["ratelimit"] == '"default";r=59;t=60'


async def test_sixty_requests_in_any_minute() -> None:
    world = open_world()
    key = await world.mint()
    async with world.client(key) as client:
        for number in range(60):
            response = await client.get("/api/v1/health")
            assert response.status_code == 200
            assert response.headers["ratelimit-policy"] == '"default";q=60;w=60'
            assert response.headers["ratelimit"] == f'"default";r={59 - number};t=60'
            assert "retry-after" not in response.headers
        world.clock.advance(timedelta(seconds=10))
        for path in ("/health", "/nowhere", "/orders/7"):
            refused = await client.get(f"/api/v1{path}")
            assert code_of(refused) == (429, "rate_limited")
            assert refused.headers["retry-after"] == "50"
            assert refused.headers["ratelimit"] == '"default";r=0;t=50'
            assert refused.json()["retry_after"] == 50
        world.clock.advance(timedelta(seconds=50))
        assert (await client.get("/api/v1/health")).status_code == 200


async def test_each_key_has_a_rate_of_its_own() -> None:
    world = open_world(limit=1)
    for _ in range(2):
        async with world.client(await world.mint()) as client:
            assert (await client.get("/api/v1/health")).status_code == 200
            assert (await client.get("/api/v1/health")).status_code == 429


async def test_the_rate_is_checked_before_the_signature() -> None:
    world = open_world(limit=1)
    key = await world.mint(secret=True)
    async with world.client(key) as client:
        assert code_of(await client.post("/api/v1/orders")) == (401, "invalid_signature")
        assert code_of(await client.post("/api/v1/orders")) == (429, "rate_limited")


async def test_strangers_are_slowed_down_by_address_and_keys_never_are() -> None:
    world = open_world()
    key = await world.mint()
    async with world.client("ytm_guess") as stranger, world.client(key) as neighbour:
        for _ in range(60):
            assert code_of(await stranger.get("/api/v1/health")) == (401, "invalid_api_key")
        late = await stranger.get("/api/v1/health")
        assert code_of(late) == (429, "rate_limited")
        assert late.headers["retry-after"] == "60"
        assert (await neighbour.get("/api/v1/health")).status_code == 200
    async with world.client("ytm_guess", address="198.51.100.1") as other:
        assert code_of(await other.get("/api/v1/health")) == (401, "invalid_api_key")


async def answers_of_all_kinds(world: World) -> list[httpx2.Response]:
    key = await world.rich()
    await world.product(1, "8")
    order = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
    async with world.client(key) as client:
        return [
            await client.get("/api/v1/balance"),
            await client.post("/api/v1/orders", json=order),
            await client.post("/api/v1/orders", json=order | {"quantity": 0}),
            await client.post("/api/v1/orders", json=order | {"product_id": 2}),
            await client.get("/api/v1/orders/999"),
            await client.get("/api/v1/nowhere"),
            await client.delete("/api/v1/balance"),
            await client.post("/api/v1/orders", content=b"x" * 70_000),
        ]


async def test_each_answer_tells_the_allowance_and_has_a_name_of_its_own() -> None:
    answers = await answers_of_all_kinds(open_world())
    assert [answer.status_code for answer in answers] == [200, 200, 422, 404, 404, 404, 405, 413]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        f'"default";r={59 - number};t=60' for number in range(8)
    ]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 8
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


async def test_methods_and_paths_that_are_not_there() -> None:
    world = open_world()
    key = await world.mint()
    async with world.client(key) as client:
        async with world.client(await world.mint(secret=True)) as signer:
            unsigned = await signer.put("/api/v1/orders", json={})
            assert code_of(unsigned) == (405, "method_not_allowed")
        wrong = await client.put("/api/v1/orders", json={})
        assert code_of(wrong) == (405, "method_not_allowed")
        assert wrong.headers["allow"] == "GET, HEAD, POST"
        assert code_of(await client.get("/api/v1/balance/topup")) == (405, "method_not_allowed")
        for path in ("/api/v1/orders/", "/api/v1/orders/1/2", "/api/v1/", "/api/v2/orders", "/", "/x"):
            assert code_of(await client.get(path)) == (404, "path_not_found"), path
        head = await client.head("/api/v1/health")
        assert (head.status_code, head.headers["ratelimit"]) == (200, '"default";r=54;t=60')


async def test_the_star_of_options_is_nowhere_too() -> None:
    app = open_world().app()

    async def starred(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": "*", "raw_path": b"*"}, receive, send)

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=starred), base_url="http://shop"
    ) as client:
        assert code_of(await client.options("/")) == (404, "path_not_found")
