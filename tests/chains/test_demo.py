"""The quick start with a top-up that is paid by a token transfer on a node of this machine."""

import os
import shutil
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
def test_make_passes_the_network_on(given: list[str], wanted: tuple[str, ...]) -> None:
    told = made("--dry-run", "demo", *given)
    assert all(words in told for words in wanted), told
    assert ("npm install" in told) == bool(given)


@pytest.mark.needs("make")
@pytest.mark.parametrize(
    ("given", "brought"),
    [
        (["test"], False),
        (["test", "STRICT=0"], False),
        (["test", "STRICT=1"], True),
        (["verify"], True),
        (["bench"], True),
        (["run", "STRICT=1"], False),
    ],
)
def test_make_brings_the_networks_clients_where_nothing_is_left_out(
    given: list[str], *, brought: bool
) -> None:
    assert ("tron,evm,solana,ton,telegram" in made("--dry-run", *given)) == brought


@pytest.mark.needs("make")
def test_make_fetches_a_node_once_and_goes_on_where_it_cannot(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("make", "sh"):
        (programs / name).symlink_to(shutil.which(name) or pytest.fail(name))
    assert made("node-packages", folder=tmp_path, path=programs) == ""
    for name, does in {"node": "exit 1", "npm": 'echo "$@" >>asked; exit 1'}.items():
        (programs / name).write_text(f"#!{programs / 'sh'}\n{does}\n")
        (programs / name).chmod(0o755)
    assert "Installing" in made("node-packages", folder=tmp_path, path=programs)
    assert (tmp_path / "asked").read_text().startswith("install --prefix tests/node")
    (tmp_path / "tests/node/node_modules/@foundry-rs").mkdir(parents=True)
    assert made("node-packages", folder=tmp_path, path=programs) == ""


def made(*words: str, folder: Path = ROOT, path: Path | None = None) -> str:
    """What make says, told nothing of what a make around this test was told."""
    told = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CHAINS", "STRICT", "NETWORK"}
    kept = {name: value for name, value in os.environ.items() if name not in told}
    if path is not None:
        kept["PATH"] = str(path)
    line = ["make", "--no-print-directory", "--directory", str(folder), *words]
    return subprocess.run(line, capture_output=True, text=True, check=True, env=kept).stdout
