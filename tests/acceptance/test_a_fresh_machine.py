"""What a newcomer does first: serve, look, order, stop, kill, start again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.acceptance.server import Server, environment, until
from ytmarket.testing.postgres import temporary_data_dir

QUICK = {"YTMARKET_SCAN_SECONDS": "0.2", "YTMARKET_REFUND_SWEEP_SECONDS": "0.2"}

# The contract's example for Python users, its key and address left to be filled in.
SDK = """
import requests
KEY = "{key}"
BASE = "{base}"
headers = {{"X-API-Key": KEY}}
params = {{"min_price": 1, "page_size": 50}}
products = requests.get(f"{{BASE}}/products", headers=headers, params=params).json()
bal = requests.get(f"{{BASE}}/balance", headers=headers).json()
print(f"Balance: {{bal['balance_usdt']}} USDT")
order = requests.post(f"{{BASE}}/orders", headers=headers, json={{
    "product_id": products["items"][0]["id"],
    "quantity": 1,
    "payment_method": "balance",
    "webhook_url": "https://your.app/cb",
}}).json()
print(f"Order #{{order['order_id']}} {{order['status']}}")
import time
while True:
    o = requests.get(f"{{BASE}}/orders/{{order['order_id']}}", headers=headers).json()
    if o["status"] in ("completed", "failed", "expired", "cancelled"):
        break
    time.sleep(0.5)
print(f"Final: {{o['status']}}, items={{o.get('items')}}, refunded={{o.get('refunded')}}")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with temporary_data_dir() as data_dir:
        served = Server(data_dir, settings=QUICK).start()
        yield served
        served.stop()


def test_the_first_start_prints_two_keys_and_announces_devnet(server: Server) -> None:
    assert len(server.keys) == 2
    assert len(server.secrets) == 1
    assert "DEVNET" in server.printed
    assert "YTMARKET_ADMIN_TOKEN" in server.printed


def test_the_demo_catalogue_has_stock_in_every_category(server: Server) -> None:
    with server.client(server.keys[1]) as client:
        products = client.get("/api/v1/products", params={"page_size": 200}).json()
        categories = client.get("/api/v1/categories").json()
    assert products["total"] >= 40
    assert all(product["available"] > 0 for product in products["items"])
    assert len(categories["items"]) >= 6


def test_the_first_product_from_one_usdt_up_can_be_bought_singly(server: Server) -> None:
    with server.client(server.keys[1]) as client:
        first = client.get("/api/v1/products", params={"min_price": 1}).json()["items"][0]
    assert first["price_usdt"] >= 1
    assert first["min_quantity"] == 1


def test_the_python_example_of_the_contract_runs_to_its_last_line(server: Server) -> None:
    script = SDK.format(key=server.keys[1], base=server.api)
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "Final: completed" in ran.stdout
    assert "refunded=False" in ran.stdout


def test_a_key_minted_beside_the_running_server_works_at_once(server: Server) -> None:
    minted = server.run("keys", "mint", "newcomer", "--no-secret", "--json")
    assert minted.returncode == 0, minted.stderr
    key = minted.stdout.split('"key": "')[1].split('"')[0]
    with server.client(key) as client:
        assert client.get("/api/v1/health").status_code == 200


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_is_lost_between_two_starts(end: str) -> None:
    with temporary_data_dir() as data_dir:
        server = Server(data_dir, settings=QUICK).start()
        key = server.keys[1]
        with server.client(key) as client:
            topup = client.post(
                "/api/v1/balance/topup", json={"amount_usdt": 50, "network": "usdt_ton"}
            ).json()
            body = {"product_id": 1, "quantity": 2, "payment_method": "balance"}
            order = client.post("/api/v1/orders", json=body).json()
            until(
                lambda: client.get(f"/api/v1/orders/{order['order_id']}").json(),
                lambda found: found["status"] == "completed",
            )
            balance = client.get("/api/v1/balance").json()
        server.stop() if end == "stop" else server.kill()
        server.start()
        assert server.keys == []  # shown once
        assert "keys mint" in server.printed
        with server.client(key) as client:
            assert client.get("/api/v1/balance").json() == balance
            assert len(client.get(f"/api/v1/orders/{order['order_id']}").json()["items"]) == 2
            sent = {"network": "usdt_ton", "amount_usdt": topup["amount_usdt"]}
            assert client.post("/api/devnet/transfers", json=sent).status_code == 200
            until(
                lambda: client.get(f"/api/v1/balance/topup/{topup['topup_id']}").json(),
                lambda found: found["status"] == "credited_auto",
            )
        assert server.stop() == 0


def test_devnet_refuses_to_listen_to_the_world() -> None:
    with temporary_data_dir() as data_dir:
        ran = Server(data_dir).run("serve", "--host", "0.0.0.0")
    assert ran.returncode == 1
    assert "loopback" in ran.stderr


def test_the_demo_walks_from_a_top_up_to_delivered_items() -> None:
    command = [sys.executable, "-m", "ytmarket.entrypoints", "demo"]
    ran = subprocess.run(
        command, env=environment({}), capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Topped up, ordered, delivered" in ran.stdout
    assert all(f"{number}. " in ran.stdout for number in range(1, 8))
