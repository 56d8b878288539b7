"""What a newcomer does first: serve, look, order, stop, kill, start again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx2

from tests.acceptance.conftest import QUICK
from tests.acceptance.programs import Program
from tests.acceptance.server import Server, command, until
from ytmarket.testing.postgres import temporary_data_dir

CLIENT = Path(__file__).with_name("clients") / "order.py"


def test_the_first_start_prints_two_keys_and_announces_devnet(demo: Server) -> None:
    assert len(demo.keys) == 2
    assert len(demo.secrets) == 1
    assert "DEVNET" in demo.printed
    assert "YTMARKET_ADMIN_TOKEN" in demo.printed


def test_the_demo_catalogue_has_stock_in_every_category(demo: Server) -> None:
    with demo.client(demo.keys[1]) as client:
        products = client.get("/api/v1/products", params={"page_size": 200}).json()
        categories = client.get("/api/v1/categories").json()
    assert products["total"] >= 40
    assert all(product["available"] > 0 for product in products["items"])
    assert len(categories["items"]) >= 6


def test_the_first_product_from_one_usdt_up_can_be_bought_singly(demo: Server) -> None:
    with demo.client(demo.keys[1]) as client:
        first = client.get("/api/v1/products", params={"min_price": 1}).json()["items"][0]
    assert first["price_usdt"] >= 1
    assert first["min_quantity"] == 1


def test_a_client_buys_something_on_it(demo: Server) -> None:
    api = {"SHOP": demo.api, "KEY": demo.keys[1], "PAUSE_SECONDS": "0.5"}
    ran = Program(command=[sys.executable, str(CLIENT)], environment=api).run()
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1])["status"] == "completed"


def test_a_key_minted_beside_the_running_server_works_at_once(demo: Server) -> None:
    minted = demo.run("keys", "mint", "newcomer", "--no-secret", "--json")
    assert minted.returncode == 0, minted.stderr
    with demo.client(json.loads(minted.stdout)[0]["key"]) as client:
        assert client.get("/api/v1/health").status_code == 200


def test_nothing_is_lost_when_it_is_stopped_or_killed() -> None:
    with temporary_data_dir() as data_dir:
        server = Server(data_dir, settings=QUICK).start()
        key = server.keys[1]
        for end in (server.stop, server.kill):
            with server.client(key) as client:
                topup, order, balance = _topped_up_and_ordered(client)
                asked = _asked_a_few_more_times(client)
            end()
            server.start()
            assert server.keys == []  # shown once
            assert "keys mint" in server.printed
            with server.client(key) as client:
                counted = _counted(client)
                # Requests are counted in memory for a moment: only a kill may lose some.
                assert counted == asked + 1 if end == server.stop else counted <= asked + 1
                assert client.get("/api/v1/balance").json() == balance
                assert len(client.get(f"/api/v1/orders/{order}").json()["items"]) == 2
                sent = {"network": topup["payment_network"], "amount_usdt": topup["amount_usdt"]}
                assert client.post("/api/devnet/transfers", json=sent).status_code == 200
                path = f"/api/v1/balance/topup/{topup['topup_id']}"
                until(lambda: client.get(path).json()["status"], lambda status: status == "credited_auto")  # noqa: B023 - asked within its round
        assert server.stop() == 0


def _topped_up_and_ordered(client: httpx2.Client) -> tuple[Any, int, Any]:
    """A top-up that awaits its payment, a delivered order and the balance after it."""
    topup = client.post("/api/v1/balance/topup", json={"amount_usdt": 50, "network": "usdt_ton"}).json()
    body = {"product_id": 1, "quantity": 2, "payment_method": "balance"}
    order: int = client.post("/api/v1/orders", json=body).json()["order_id"]
    until(
        lambda: client.get(f"/api/v1/orders/{order}").json()["status"], lambda status: status == "completed"
    )
    return topup, order, client.get("/api/v1/balance").json()


def _asked_a_few_more_times(client: httpx2.Client) -> int:
    """How many requests its key has made by now, the last of them a moment ago."""
    before = _counted(client)
    for _ in range(5):
        assert client.get("/api/v1/health").status_code == 200
    asked = _counted(client)
    assert asked == before + 6
    return asked


def _counted(client: httpx2.Client) -> int:
    """How many requests the key has made, this one included."""
    found: int = client.get("/api/v1/usage").json()["request_count"]
    return found


def test_devnet_refuses_to_listen_to_the_world() -> None:
    with temporary_data_dir() as data_dir:
        ran = Server(data_dir).run("serve", "--host", "0.0.0.0")
    assert ran.returncode == 1
    assert "loopback" in ran.stderr


def test_the_demo_walks_from_a_top_up_to_delivered_items() -> None:
    ran = command("demo")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Topped up, ordered, delivered" in ran.stdout
    assert all(f"{number}. " in ran.stdout for number in range(1, 8))
