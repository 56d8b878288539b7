"""Whoever watches a real server: its probes, its figures, its screen, and the processes that come and go."""

from __future__ import annotations

import json
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.conftest import OPERATED, QUICK
from tests.acceptance.server import Server, until
from tests.acceptance.shop import Shop
from ytmarket.domain.networks import Network


def figures(shop: Shop) -> dict[str, dict[tuple[str, ...], float]]:
    """By name, then by the values of the labels, in the order of their names."""
    answer = shop.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def screen(shop: Shop) -> dict[str, Any]:
    """What a script is told; alarms may ring, for other tests leave deposits unmatched."""
    said = shop.server.run("status", "--json")
    assert said.returncode in {0, 1}, said.stderr
    told: dict[str, Any] = json.loads(said.stdout)
    assert said.returncode == bool(told["alarms"])
    return told


def test_a_server_in_order_lives_is_ready_and_tells_its_figures(shop: Shop) -> None:
    assert shop.http.get("/livez").json() == {"status": "alive"}
    assert shop.http.get("/readyz").json() == {"status": "ready"}
    networks = {(str(network),) for network in Network}
    found = until(
        lambda: figures(shop), lambda f: networks <= f.get("ytmarket_scanner_lag_seconds", {}).keys()
    )
    assert found["ytmarket_state_known"] == {(): 1}
    assert found["ytmarket_processes"]["serve",] >= 1
    assert found["process_cpu_seconds_total"][()] > 0
    assert found["ytmarket_pool"]["writing", "open"] >= 1
    assert {what for _, what in found["ytmarket_pool"]} == {"open", "most", "idle", "waiting"}
    requests = found["ytmarket_http_request_duration_seconds_count"]
    assert requests["GET", "/readyz", "200"] >= 1
    assert found["ytmarket_books_in_balance"] == {(): 1}


def test_figures_follow_an_order(shop: Shop) -> None:
    customer = shop.customer(20)
    product = shop.product("9.90")
    before = figures(shop).get("ytmarket_order_events_total", {}).get(("completed",), 0)
    customer.delivered(product)
    until(
        lambda: figures(shop).get("ytmarket_order_events_total", {}).get(("completed",), 0),
        lambda count: count > before,
    )


def test_whom_a_proxy_speaks_for_is_told_nothing(shop: Shop) -> None:
    answer = shop.http.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert (answer.status_code, answer.json()["code"]) == (404, "path_not_found")


def test_the_screen_tells_of_those_who_work_until_they_stop(shop: Shop) -> None:
    settings = OPERATED | QUICK
    newcomer = Server(shop.server.data_dir, settings=settings, demo=False, workers=False).start()
    told = screen(shop)
    assert told["database"].startswith("PostgreSQL 18")
    assert {network["network"] for network in told["networks"]} == set(Network)
    assert {"serve", "serve --no-workers"} <= {process["role"] for process in told["processes"]}
    assert newcomer._process is not None
    pid = newcomer._process.pid
    assert pid in {process["pid"] for process in told["processes"]}
    newcomer.stop()
    assert pid not in {process["pid"] for process in screen(shop)["processes"]}
