"""The shop mounted in another app sells there, on a database of its own, to the delivered order."""

from datetime import timedelta

import httpx2
from examples import mount_in_app

from tests.examples.visits import calling, told, until, visited
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.postgres import temporary_data_dir

TOKEN = "only-for-operators"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


async def test_a_mounted_shop_takes_money_and_delivers() -> None:
    with temporary_data_dir(in_memory=True) as data_dir:
        settings = Settings(
            data_dir=data_dir, admin_tokens={"ops": TOKEN}, scan_interval=timedelta(milliseconds=100)
        )
        async with visited(mount_in_app.build(settings)) as http:
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
    with temporary_data_dir(in_memory=True) as data_dir:
        app = mount_in_app.build(Settings(data_dir=data_dir))
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
