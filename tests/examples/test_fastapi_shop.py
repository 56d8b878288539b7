"""Users of a FastAPI app buy from the shop that it has inside, each from an account of their own."""

from datetime import timedelta
from pathlib import Path

import httpx2
from examples import fastapi_shop

from tests.examples.visits import calling, told, until, visited
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.postgres import temporary_data_dir

TOKEN = "only-for-operators"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
PRODUCT = {"sku": "GIFT", "title": "Gift card", "category": "Cards", "price_usdt": 10, "min_quantity": 1}
UNITS = {"units": [{"code": "first"}, {"code": "second"}, {"code": "third"}]}
ANN, BOB = (("ann", "correct horse"), ("bob", "battery staple"))
ORDER = {"product": 1, "quantity": 2, "at_most": "20.00"}
ONCE = {"Idempotency-Key": "a-form-that-was-sent-twice"}


async def test_users_of_the_app_top_up_and_buy(tmp_path: Path) -> None:
    with temporary_data_dir(in_memory=True) as data_dir:
        settings = Settings(
            data_dir=data_dir, admin_tokens={"ops": TOKEN}, scan_interval=timedelta(milliseconds=100)
        )
        users = tmp_path / "users.sqlite"
        async with visited(fastapi_shop.build(settings, users)) as http:
            await fill_the_shelf(http)
            await strangers_are_turned_away(http)
            await ann_tops_up_and_buys(http)
            assert await told(http.get("/me", auth=BOB)) == {"balance": "0.0"}
            assert (await http.get("/me/orders/1", auth=BOB)).status_code == 404
            refused = await http.post("/me/orders", auth=BOB, headers=ONCE, json=ORDER)
            assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
            assert (await http.get(refused.json()["type"])).status_code == 200

        async with visited(fastapi_shop.build(settings, users)) as http:
            assert await told(http.get("/me", auth=ANN)) == {"balance": "79.99"}


async def fill_the_shelf(http: httpx2.AsyncClient) -> None:
    await told(http.put("/shop/api/admin/products/1", headers=OPERATOR, json=PRODUCT))
    await told(http.post("/shop/api/admin/products/1/stock", headers=OPERATOR, json=UNITS))
    assert await told(http.get("/products")) == [{"id": 1, "title": "Gift card", "price": "10.0"}]


async def strangers_are_turned_away(http: httpx2.AsyncClient) -> None:
    for auth in (None, ("ann", "guess"), ("mallory", "correct horse")):
        assert (await http.get("/me", auth=auth)).status_code == 401
    assert (await http.post("/me/orders", auth=ANN, headers=ONCE, json={"product": 0})).status_code == 422


async def ann_tops_up_and_buys(http: httpx2.AsyncClient) -> None:
    form = {"amount": "100.00", "network": "usdt_trc_20"}
    topup = await told(http.post("/me/topups", auth=ANN, json=form))
    assert topup["send"] == "100.0"
    transfer = {"network": "usdt_trc_20", "amount_usdt": 99.99}
    await told(http.post("/shop/api/devnet/transfers", json=transfer))
    await until(lambda: told(http.get("/me", auth=ANN)), lambda found: found == {"balance": "99.99"})

    bought = [await told(http.post("/me/orders", auth=ANN, headers=ONCE, json=ORDER)) for _ in range(2)]
    assert bought[0] == bought[1]
    path = f"/me/orders/{bought[0]['order_id']}"
    order = await until(lambda: told(http.get(path, auth=ANN)), lambda found: found["status"] == "completed")
    assert order["goods"] == ['{"code":"first"}', '{"code":"second"}']
    assert order["price"] == "20.0"


async def test_the_app_describes_itself(tmp_path: Path) -> None:
    app = fastapi_shop.build(Settings(data_dir=tmp_path), tmp_path / "users.sqlite")
    async with calling(app) as http:
        paths = (await told(http.get("/openapi.json")))["paths"]
    assert {"/products", "/me", "/me/topups", "/me/orders", "/me/orders/{number}"} == set(paths)
