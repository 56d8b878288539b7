"""Section 12: programs in four languages, each as a client would write it, buy something."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.programs import Program, Runs, side_by_side, with_modules
from tests.acceptance.shop import Shop

CLIENTS = Path(__file__).with_name("clients")
STARTED_BY = {".py": [sys.executable], ".mjs": ["node"], ".go": ["go", "run"], ".sh": ["bash"]}
NAMES = ["order.py", "signed_order.py", "order.mjs", "signed_order.go", "order.sh"]


SIGNING = {"signed_order.py", "signed_order.go", "order.sh"}
NEEDS = {
    "order.mjs": ["node", "npm:axios"],
    "signed_order.go": ["go"],
    "order.sh": ["bash", "curl", "openssl"],
}


@pytest.fixture(scope="module")
def runs(shop: Shop, showcase: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Each program with a key of its own: two that sign the same words in one second would be replays."""
    folder = tmp_path_factory.mktemp("clients")
    programs = {}
    for number, name in enumerate(NAMES):
        path = with_modules(folder, name, (CLIENTS / name).read_text())
        customer = shop.customer(150 + 3 * number, secret=name in SIGNING)
        programs[name] = Program(
            command=[*STARTED_BY[path.suffix], str(path)],
            environment={
                "SHOP": shop.server.api,
                "KEY": customer.key,
                "SECRET": customer.secret or "",
                "PRODUCT": str(showcase),
                "PAUSE_SECONDS": "0.3",
            },
            needs=NEEDS.get(name, []),
        )
    with side_by_side(programs) as running:
        yield running


def last_line(runs: Runs, name: str) -> Any:
    ran = runs[name]
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "signed_order.py"])
def test_a_client_orders_and_polls_until_its_goods_are_there(runs: Runs, name: str) -> None:
    order = last_line(runs, name)
    assert order["status"] == "completed"
    assert len(order["items"]) == order["quantity"]
    assert order["refunded"] is False


def test_a_client_signs_its_top_up_and_its_order(runs: Runs) -> None:
    order = last_line(runs, "signed_order.py")
    assert order["status"] == "processing"
    assert "Send 48.5" in runs["signed_order.py"].stdout


def test_every_client_in_the_folder_is_run() -> None:
    assert sorted(path.name for path in CLIENTS.iterdir() if path.is_file()) == sorted(NAMES)
