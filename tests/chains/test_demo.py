"""The quick start with a top-up that is paid by a token transfer on a node of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.server import command, environment
from tests.chains.conftest import ROOT
from tests.chains.optional import require

require("web3", "evm")

NAMED = ("server,evm", "ytmarket demo --network usdt_polygon")


@pytest.mark.usefixtures("anvil_program")
def test_its_top_up_is_paid_by_a_transfer_that_was_executed() -> None:
    ran = command("demo", "--network", "usdt_polygon")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "an ERC-20 transfer that anvil executes as chain 137" in ran.stdout
    assert '"payment_network": "usdt_polygon"' in ran.stdout
    assert '"status": "0x1"' in ran.stdout
    assert "Topped up, ordered, delivered" in ran.stdout


def test_a_network_without_a_local_node_is_refused_by_name() -> None:
    ran = command("demo", "--network", "usdt_ton")
    assert ran.returncode == 1
    assert "usdt_polygon" in ran.stderr


def test_without_anvil_it_says_how_to_get_it(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "ytmarket.entrypoints", "demo", "--network", "usdt_polygon"],
        cwd=tmp_path,
        env=environment({"PATH": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "npm install --prefix tests/node" in " ".join(ran.stderr.split())


@pytest.mark.needs("make")
@pytest.mark.parametrize(
    ("given", "wanted"), [([], ('"server"', "ytmarket demo ")), (["NETWORK=usdt_polygon"], NAMED)]
)
def test_make_passes_the_network_on(given: list[str], wanted: tuple[str, str]) -> None:
    # Not what a make around this test was told.
    kept = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "CHAINS"}
    }
    line = ["make", "--dry-run", "--directory", str(ROOT), "demo", *given]
    told = subprocess.run(line, capture_output=True, text=True, check=True, env=kept).stdout
    assert all(words in told for words in wanted), told
