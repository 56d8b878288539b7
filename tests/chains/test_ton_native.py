"""The native library that pytonlib brings: it loads, knows mainnet, and says what it cannot reach."""

import base64
import json
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chains.optional import require

require("pytonlib", "ton")

from pytonlib.tonlibjson import TonlibError

from ytmarket.adapters.chains.ton.chain import MASTER, ZERO_STATE
from ytmarket.adapters.chains.ton.reader import TonReader
from ytmarket.adapters.chains.ton.tonlib import open_tonlib
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application.ports.chain_reader import ChainMisconfigured, ChainUnavailable
from ytmarket.domain.networks import Network
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

MASTERCHAIN = {"workchain": -1, "shard": -(2**63)}
LIMIT = timedelta(seconds=5)
PATIENCE_SECONDS = 30
TESTNET = "gj+B8wb/AmlPk1z1AhVI484rhrUpgSr2oSFIh56VoSg="
WALLET = "UQCrq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq5jh"


def mainnet(**changes: Any) -> dict[str, Any]:
    """Mainnet's configuration as it is published, but with a lite server at which nobody listens."""
    root_hash, file_hash = ZERO_STATE
    validator = {
        "@type": "validator.config.global",
        "zero_state": {**MASTERCHAIN, "seqno": 0, "root_hash": root_hash, "file_hash": file_hash},
        "init_block": {
            **MASTERCHAIN,
            "seqno": 27747086,
            "root_hash": "YRkrcmZMvLBvjanwKCyL3w4oceGPtFfgx8ym1QKCK/4=",
            "file_hash": "N42xzPnJjDlE3hxPXOb+pNzXomgRtpX5AZzMPnIA41s=",
        },
        "hardforks": [
            {
                **MASTERCHAIN,
                "seqno": 8536841,
                "root_hash": "08Kpc9XxrMKC6BF/FeNHPS3MEL1/Vi/fQU/C9ELUrkc=",
                "file_hash": "t/9VBPODF7Zdh4nsnA49dprO69nQNMqYL+zk5bCjV/8=",
            }
        ],
    }
    key = {"@type": "pub.ed25519", "key": "n4VDnSCUuSpjnCyUk9e3QOOd6o0ItSWYbTnW3Wnn8wk="}
    return {
        "@type": "config.global",
        "dht": {"@type": "dht.config.global"},
        "liteservers": [{"ip": 0x7F000001, "port": 1, "id": key}],
        "validator": validator | changes,
    }


def reader_of(folder: Path, config: dict[str, Any]) -> TonReader:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return TonReader.connect(WALLET, [str(path)], SystemClock(), timeout=LIMIT, sync_timeout=LIMIT)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("tonlib")}


def assert_ends_at(names: set[str]) -> None:
    """The last one to end waits a second at most for an answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while threads() != names and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threads() == names


async def test_mainnet_is_believed_and_a_dead_lite_server_is_unavailable(tmp_path: Path) -> None:
    before = threads()
    reader = reader_of(tmp_path, mainnet())
    trouble = await trouble_of(reader, None)
    assert type(trouble) is ChainUnavailable
    assert "LITE_SERVER_NETWORK" in str(trouble)
    assert threads() - before, "it waits on threads of its own"
    await reader.close()
    assert_ends_at(before)


async def test_what_is_not_mainnet_is_refused_by_the_library_too(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, mainnet(hardforks=[]))
    trouble = await trouble_of(reader, None)
    assert isinstance(trouble, ChainMisconfigured)
    assert "hardforks" in str(trouble)
    assert "YTMARKET_TON_RPC" in str(trouble)
    await reader.close()
    other = {**mainnet()["validator"]["zero_state"], "root_hash": TESTNET}
    with pytest.raises(TonlibError, match="zero_state differs from embedded"):
        await open_tonlib(mainnet(zero_state=other), 0, tmp_path, LIMIT)


async def test_the_library_knows_our_addresses(tmp_path: Path) -> None:
    session = await open_tonlib(mainnet(), 0, tmp_path, LIMIT)
    unpacked = await session.client.tonlib_wrapper.execute(
        {"@type": "unpackAccountAddress", "account_address": Network.TON.facts.token}
    )
    await session.close()
    assert unpacked["workchain_id"] == MASTER.workchain
    assert bytes.fromhex(MASTER.account) == base64.b64decode(unpacked["addr"])
