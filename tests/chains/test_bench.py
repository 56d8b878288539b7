"""The bench of the readers, on a machine that lacks the programs of the networks."""

import runpy
import sys

import pytest

from tests.chains.conftest import ROOT
from tests.chains.optional import require

require("web3", "evm")
require("tronpy", "tron")
require("solana", "solana")
require("pytonlib", "ton")


def test_what_it_lacks_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = runpy.run_path(str(ROOT / "bench/readers.py"))
    within = bench["main"].__globals__
    monkeypatch.setitem(
        within, "NETWORKS", [entry for entry in bench["NETWORKS"] if entry[0] is not bench["solana"]]
    )
    for name in ("find_anvil", "find_sandbox"):
        monkeypatch.setitem(within, name, lambda _root: None)
    bench["main"]()
    told = capsys.readouterr().out
    assert told.count("npm install --prefix tests/node") == 3
    assert "usdt_polygon was left out: anvil is missing" in told
    assert "usdt_ton was left out: TON's sandbox is missing" in told
    monkeypatch.setitem(sys.modules, "ytmarket.testing.chains.ton", None)
    bench["main"]()
    assert "usdt_ton was left out: TON's reader is missing" in capsys.readouterr().out
