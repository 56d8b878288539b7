"""What clients are told when something behind the door fails, hangs or is not there yet."""

import asyncio

import attrs
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from tests.http.shop import World, open_world
from tests.http.test_admission import code_of
from ytmarket.adapters.http.app import ShopHolder, build_app
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.endpoint import Endpoint
from ytmarket.adapters.http.exchange import Exchange
from ytmarket.application.errors import OutcomeUnknown
from ytmarket.domain.shop import OrderRequest

ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
HOST = "http://shop"


def is_unavailable(response: httpx2.Response, code: str = "unavailable") -> bool:
    assert int(response.headers["retry-after"]) > 0
    return code_of(response) == (503, code)


async def test_before_the_shop_has_opened_and_after_it_has_closed() -> None:
    world = open_world()
    key = await world.mint()
    holder = ShopHolder()
    app = build_app(holder=holder, admin_tokens={"ops": "secret"})
    async with world.client(key, app=app) as client:
        for path in ("/api/v1/health", "/api/v1/nowhere", "/api/admin/api-keys", "/api/devnet/transfers"):
            assert is_unavailable(await client.post(path))
        assert code_of(await client.get("/nowhere")) == (404, "path_not_found")
        holder.services = world.services
        assert (await client.get("/api/v1/health")).status_code == 200
        holder.services = None
        assert is_unavailable(await client.get("/api/v1/health"))


async def test_a_store_that_does_not_answer() -> None:
    world = open_world()
    await world.product(1, "8")
    async with world.client(await world.rich()) as client, world.operator() as operator:
        world.database.is_down = True
        for path in ("/health", "/products", "/balance", "/orders", "/orders/1", "/nowhere"):
            assert is_unavailable(await client.get(f"/api/v1{path}")), path
        assert is_unavailable(await client.post("/api/v1/orders", json=ORDER))
        assert is_unavailable(await operator.post("/api/admin/api-keys", json={"label": "Ann"}))
        world.database.is_down = False
        assert (await client.post("/api/v1/orders", json=ORDER)).status_code == 200


async def test_a_limiter_that_does_not_answer() -> None:
    world = open_world()
    async with world.client(await world.mint()) as client:
        world.limiter.is_down = True
        assert is_unavailable(await client.get("/api/v1/health"))


class Desk:
    """An order desk that meets a fate."""

    def __init__(self, fate: Exception) -> None:
        self.fate = fate

    async def place(self, _: OrderRequest) -> None:
        raise self.fate


async def ordered(world: World, fate: Exception) -> httpx2.Response:
    services = attrs.evolve(world.services, order_desk=Desk(fate))  # type: ignore[arg-type] # all that is asked of a desk
    app = build_app(holder=ShopHolder(services))
    async with world.client(await world.rich(), app=app) as client:
        return await client.post("/api/v1/orders", json=ORDER)


async def test_a_commit_whose_end_nobody_saw() -> None:
    response = await ordered(open_world(), OutcomeUnknown("the connection broke"))
    assert is_unavailable(response, "outcome_unknown")
    assert "Idempotency-Key" in response.json()["detail"]


async def test_what_nobody_foresaw_is_logged_and_not_told() -> None:
    with capture_logs() as logs:
        response = await ordered(open_world(), RuntimeError("the secret of it"))
    assert code_of(response) == (500, "internal_error")
    assert "the secret of it" not in response.text
    assert response.headers["ratelimit"]
    (entry,) = logs
    assert entry["log_level"] == "error"
    assert entry["request_id"] == response.json()["request_id"]
    assert (entry["method"], entry["route"]) == ("POST", "/api/v1/orders")


async def admit(_: Door, exchange: Exchange) -> Exchange:
    if exchange.header(b"x-hang") == "admission":
        await asyncio.sleep(60)
    if exchange.method == "POST":
        await exchange.body(100)
    return exchange


async def handle(exchange: Exchange) -> Response:
    if exchange.header(b"x-hang") == "handling":
        await asyncio.sleep(60)
    if exchange.header(b"x-hang") == "inner":
        raise TimeoutError
    return Response(b"done")


def hurried_app(answer_seconds: float = 0.05, body_seconds: float = 0.05) -> Starlette:
    endpoint = Endpoint(
        door=Door(holder=ShopHolder()),
        admit=admit,
        handlers={"GET": handle, "POST": handle},
        otherwise=handle,
        answer_seconds=answer_seconds,
        body_seconds=body_seconds,
    )
    return Starlette(routes=[Route("/", endpoint)])


@pytest.mark.parametrize(
    ("method", "phase", "code"),
    [
        ("GET", "admission", "unavailable"),
        ("GET", "handling", "unavailable"),
        ("GET", "inner", "unavailable"),
        ("POST", "admission", "unavailable"),
        ("POST", "handling", "outcome_unknown"),
    ],
)
async def test_an_answer_comes_in_time_whatever_hangs(method: str, phase: str, code: str) -> None:
    transport = httpx2.ASGITransport(app=hurried_app())
    async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
        assert (await client.request(method, "/")).status_code == 200
        async with asyncio.timeout(5):
            response = await client.request(method, "/", headers={"X-Hang": phase})
    assert is_unavailable(response, code)


async def sent(
    app: Starlette, body: list[tuple[float, dict[str, object]]], *, hang: str = "nowhere"
) -> list[int]:
    """The statuses that are sent while the body arrives so slowly."""
    headers = [(b"x-hang", hang.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    parts = iter(body)
    statuses = []

    async def receive() -> dict[str, object]:
        pause, message = next(parts)
        await asyncio.sleep(pause)
        return {"type": "http.request", **message}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)  # type: ignore[arg-type] # its messages are looser than Starlette's
    return statuses  # type: ignore[return-value] # of that message, a number


PART: dict[str, object] = {"body": b"x", "more_body": True}
END: dict[str, object] = {"body": b"", "more_body": False}


async def test_a_slow_sender_is_not_our_slowness() -> None:
    patient = hurried_app(answer_seconds=0.05, body_seconds=30)
    assert await sent(patient, [(0.04, PART), (0.04, PART), (0.04, END)]) == [200]


async def test_after_a_slow_sender_the_time_to_answer_goes_on_where_it_stood() -> None:
    patient = hurried_app(answer_seconds=0.05, body_seconds=30)
    async with asyncio.timeout(5):
        assert await sent(patient, [(0.04, PART), (0.04, END)], hang="handling") == [503]


async def test_a_handler_that_hangs_after_it_has_read_the_body_itself() -> None:
    async def admit_at_once(_: Door, exchange: Exchange) -> Exchange:
        return exchange

    async def read_and_hang(exchange: Exchange) -> Response:
        await exchange.body(100)
        await asyncio.sleep(60)
        return Response(b"done")

    endpoint = Endpoint(
        door=Door(holder=ShopHolder()),
        admit=admit_at_once,
        handlers={"POST": read_and_hang},
        otherwise=read_and_hang,
        answer_seconds=0.05,
    )
    assert await sent(Starlette(routes=[Route("/", endpoint)]), [(0, PART), (0, END)]) == [503]


async def test_a_sender_that_never_ends() -> None:
    assert await sent(hurried_app(answer_seconds=30), [(0, PART), (60, END)]) == [408]


async def test_a_sender_that_goes_away_is_not_answered() -> None:
    assert await sent(hurried_app(), [(0, PART), (0, {"type": "http.disconnect"})]) == []


async def test_a_body_that_grows_too_large_on_its_way() -> None:
    large: dict[str, object] = {"body": b"x" * 60, "more_body": True}
    assert await sent(hurried_app(), [(0, large), (0, large), (60, END)]) == [413]
    rest: dict[str, object] = {"body": b"x" * 40, "more_body": False}
    assert await sent(hurried_app(), [(0, large), (0, rest)]) == [200]
    assert await sent(hurried_app(), [(0, large), (0, rest | {"body": b"x" * 41})]) == [413]
