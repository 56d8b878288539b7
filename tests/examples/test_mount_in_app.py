"""The shop mounted in another app sells there, on a database of its own, to the delivered order."""

import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import httpx2
from starlette.applications import Starlette

from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.postgres import temporary_data_dir

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/mount_in_app.py"
TOKEN = "only-for-operators"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


async def test_a_mounted_shop_takes_money_and_delivers() -> None:
    with temporary_data_dir() as data_dir:
        settings = Settings(
            data_dir=data_dir, admin_tokens={"ops": TOKEN}, scan_interval=timedelta(milliseconds=100)
        )
        async with visited(example().build(settings)) as http:
            assert "/shop/api/v1" in (await http.get("/")).text
            await stock_one_product(http)
            key = await told(http.post("/shop/api/admin/api-keys", headers=OPERATOR, json=MINT))
            http.headers["X-API-Key"] = key["key"]

            topup = await told(http.post("/shop/api/v1/balance/topup", json=TOPUP))
            await told(http.post("/shop/api/devnet/transfers", json=TOPUP | {"amount_usdt": 99.99}))
            path = f"/shop/api/v1/balance/topup/{topup['topup_id']}"
            await until(lambda: told(http.get(path)), lambda found: found["status"] == "credited_auto")

            order = await told(http.post("/shop/api/v1/orders", json=ORDER))
            path = f"/shop/api/v1/orders/{order['order_id']}"
            done = await until(lambda: told(http.get(path)), lambda found: found["status"] != "processing")
            assert (done["status"], done["items"]) == ("completed", [{"code": "first"}, {"code": "second"}])

            balance = await told(http.get("/shop/api/v1/balance"))
            assert (balance["total_topup_usdt"], balance["balance_usdt"]) == (99.99, 79.99)


async def test_the_shop_is_closed_when_the_parent_is() -> None:
    with temporary_data_dir() as data_dir:
        app = example().build(Settings(data_dir=data_dir))
        async with visited(app) as http:
            assert (await http.get("/shop/api/v1/health")).status_code == 401
        async with calling(app) as http:
            assert (await http.get("/shop/api/v1/health")).status_code == 503


MINT = {"label": "a customer of the parent's", "with_secret": False}
PRODUCT = {"sku": "GIFT", "title": "Gift card", "category": "Cards", "price_usdt": 10, "min_quantity": 1}
UNITS = {"units": [{"code": "first"}, {"code": "second"}, {"code": "third"}]}
TOPUP = {"network": "usdt_trc_20", "amount_usdt": 100}
ORDER = {"product_id": 1, "quantity": 2, "payment_method": "balance"}


async def stock_one_product(http: httpx2.AsyncClient) -> None:
    await told(http.put("/shop/api/admin/products/1", headers=OPERATOR, json=PRODUCT))
    await told(http.post("/shop/api/admin/products/1/stock", headers=OPERATOR, json=UNITS))


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mount_in_app", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def visited(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app), calling(app) as http:
        yield http


def calling(app: Starlette) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://parent")


async def told(answer: Awaitable[httpx2.Response]) -> Any:
    found = await answer
    assert found.is_success, found.text
    return found.json()


async def until(ask: Callable[[], Awaitable[Any]], done: Callable[[Any], bool]) -> Any:
    with anyio.fail_after(30):
        while True:
            found = await ask()
            if done(found):
                return found
            await anyio.sleep(0.6)  # fifty questions in all, which a key may ask in a minute
