"""The page on adding a chain, followed to the letter: a seventh network by configuration alone."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest

from tests.acceptance.server import Server, environment, until
from tests.chains.optional import require
from tests.chains.shell import exported, typed
from tests.docs.reading import ROOT, blocks, text

require("web3", "evm")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.domain.money import CENT, Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.settings import Settings, SettingsError
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world
from ytmarket.testing.postgres import temporary_data_dir

PAGE = text(ROOT / "docs/adding-a-chain.md")
(TOML,) = blocks(PAGE, "toml")
START, TOPUP = blocks(PAGE, "sh")
(EMBEDDED,) = blocks(PAGE, "python")
OPERATOR = "adding-a-chain-operator"
TABLE = tomllib.loads(TOML)["usdt_optimism"]

pytestmark = [pytest.mark.anyio, pytest.mark.needs("sh", "curl")]


@pytest.fixture(scope="module")
async def optimism(anvil_program: Path) -> AsyncIterator[EvmWorld]:
    """A chain with the id, the token and the decimals of the page, known to nobody here."""
    facts = {name: TABLE[name] for name in ("chain_id", "token", "decimals")}
    async with new_evm_world(anvil_program, attrs.evolve(CHAINS[Network.POLYGON], **facts)) as world:
        yield world


@pytest.fixture(scope="module")
def server(optimism: EvmWorld) -> Iterator[Server]:
    """Started with what the page says to export, in a folder that holds what it says to write."""
    with temporary_data_dir(in_memory=True) as data_dir:
        file = data_dir.parent / "networks.toml"
        file.write_text(TOML.replace("https://optimism.example.com/KEY", optimism.anvil.url))
        *exports, serve = START.splitlines()
        assert serve == "ytmarket serve"
        settings = exported("\n".join(exports))
        settings |= {
            "YTMARKET_NETWORKS": str(file.parent / settings["YTMARKET_NETWORKS"]),
            "YTMARKET_EVM_WALLET": optimism.wallet,
            "YTMARKET_SCAN_SECONDS": "0.2",
            "YTMARKET_ADMIN_TOKEN": OPERATOR,
        }
        server = Server(data_dir, settings=settings, demo=False)
        server.start()
        yield server
        server.stop()


def ask(server: Server, key: str, path: str) -> Any:
    with server.client(key) as client:
        return client.get(f"/api/v1{path}").raise_for_status().json()


async def test_a_seventh_network_is_read_and_credited(server: Server, optimism: EvmWorld) -> None:
    key = new_key(server)
    await optimism.settle()
    until(lambda: takes_payments(server, key), lambda is_open: is_open)
    topup = json.loads(typed(TOPUP, {"KEY": key, "SHOP": server.url}))
    assert topup["payment_network"] == "usdt_optimism"
    assert topup["payment_address"] == optimism.wallet

    amount = Usdt.of(str(topup["amount_usdt"]))
    wrong = await optimism.pay(amount + CENT * 2)
    await optimism.pay(amount)
    await optimism.settle()
    path = f"/balance/topup/{topup['topup_id']}"
    until(lambda: ask(server, key, path)["status"], lambda status: status == "credited_auto")
    assert Usdt.of(str(ask(server, key, "/balance")["balance_usdt"])) == amount
    until(lambda: ask(server, key, f"/deposits?tx={wrong}")["items"][0]["status"], "unmatched".__eq__)


def new_key(server: Server) -> str:
    body = {"label": "ann", "with_secret": False, "ip_whitelist": []}
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    with server.client() as client:
        answer = client.post("/api/admin/api-keys", json=body, headers=headers)
        return str(answer.raise_for_status().json()["key"])


def takes_payments(server: Server, key: str) -> bool:
    """It does once it has been read."""
    with server.client(key) as client:
        body = {"amount_usdt": 7, "network": "usdt_optimism"}
        answer = client.post("/api/v1/balance/topup", json=body)
    return answer.status_code == httpx2.codes.OK


def test_clients_find_it_where_they_find_the_others(server: Server) -> None:
    with server.client() as stranger:
        told = stranger.get("/api/openapi.json").json()["components"]["schemas"]["TopupBody"]
        assert told["properties"]["network"]["enum"][-1] == "usdt_optimism"
        assert "usdt_optimism" in stranger.get("/api/docs").text


def test_an_app_that_embeds_the_shop_has_it_too(tmp_path: Path) -> None:
    (tmp_path / "networks.toml").write_text(TOML)
    kept = environment({"PYTHONPATH": os.pathsep.join(sys.path)})
    subprocess.run([sys.executable, "-c", EMBEDDED], cwd=tmp_path, env=kept, check=True)
    assert len(Network) == 6, "what is added stays in its own process"


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ("number = 100", "number = 4", "usdt_optimism: Expected `int` >= 100"),
        ("chain_id = 10", "", "usdt_optimism: Object missing required field `chain_id`"),
        ("decimals = 6", "decimals = 6\ndeep_above = 5", "only beside depth"),
        ("decimals = 6", "decimals = 6\nsymbol = 'USDT'", "unknown field `symbol`"),
        ('rpc = ["https:', 'rpc = ["ftp:', "usdt_optimism: Expected `str` matching regex"),
        ("[usdt_optimism]", "[usdt_ton]", "is there already"),
        ("[usdt_optimism]", "[optimism]", "no code of a network"),
        ("[usdt_optimism]", "[usdt_optimism", "is no TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, written: str, instead: str, complaint: str) -> None:
    file = tmp_path / "networks.toml"
    file.write_text(TOML.replace(written, instead))
    with pytest.raises(SettingsError, match=r"YTMARKET_NETWORKS") as caught:
        Settings.from_environment({"YTMARKET_NETWORKS": str(file)}).make_networks_known()
    assert complaint in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.from_environment({"YTMARKET_NETWORKS": "nowhere.toml"})


def test_the_page_lists_every_entry() -> None:
    from ytmarket.entrypoints.further_networks import Entry

    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    listed = {name.strip().strip("`") for row in rows for name in row.split(",")}
    assert listed == set(Entry.__struct_fields__)
