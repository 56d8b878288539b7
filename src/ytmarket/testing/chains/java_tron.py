"""A TRON node over anvil: its transactions are run for real, and told in java-tron's words.

Written after java-tron's sources: what it calls things, what it leaves out, and how it says no.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import attrs
from aiohttp import web
from eth_utils.crypto import keccak

from ytmarket.testing.chains.anvil import Anvil, AnvilError

BLOCKS_TO_SOLID: Final = 19
ID_NUMBER_CHARS: Final = 16
EVENT_BLOCKS_MAX: Final = 5_000
EVENTS_MAX: Final = 10_000
PREFIX: Final = "41"
KEY_HEADER: Final = "TRON-PRO-API-KEY"
NO_BLOCK: Final = "e5" * 32
"""What the first block names as its parent."""

Json = dict[str, Any]
Body = Mapping[str, Any]


@attrs.define
class JavaTron:
    """What readers need of `walletsolidity` and of the JSON-RPC; a block is solid with 19 on top."""

    anvil: Anvil
    genesis: str
    url: str = ""
    natives: dict[int, list[Json]] = attrs.field(factory=dict)
    """Transactions without a contract, such as TRC-10 transfers, by the block they are in."""

    key: str | None = None
    """What callers have to show, as TronGrid wants it."""

    unindexed: frozenset[int] = frozenset()
    """Blocks that were taken in while the JSON-RPC was off: it has no events of theirs, and says nothing."""

    has_json_rpc: bool = True

    @contextmanager
    def without_index(self, *blocks: int) -> Iterator[None]:
        """List no events of these blocks inside the block; without any named, have no JSON-RPC."""
        self.unindexed, self.has_json_rpc = frozenset(blocks), bool(blocks)
        try:
            yield
        finally:
            self.unindexed, self.has_json_rpc = frozenset(), True

    @contextmanager
    def wanting(self, key: str) -> Iterator[None]:
        """Turn away, inside the block, who does not show this key."""
        self.key = key
        try:
            yield
        finally:
            self.key = None

    async def solid(self) -> int:
        """The number of the last solid block."""
        return max(await self.anvil.number() - BLOCKS_TO_SOLID, 0)

    async def serve(self, request: web.Request) -> web.Response:
        calls: Mapping[str, Callable[[Body], Awaitable[Any]]] = {
            "/walletsolidity/getnowblock": self._now_block,
            "/walletsolidity/getblockbynum": self._block_by_num,
            "/walletsolidity/gettransactioninfobyblocknum": self._infos_by_num,
            "/walletsolidity/gettransactioninfobyid": self._info_by_id,
            "/walletsolidity/triggerconstantcontract": self._trigger,
            "/jsonrpc": self._json_rpc,
        }
        if self.key is not None and request.headers.get(KEY_HEADER) != self.key:
            return web.json_response({"Error": "ApiKey not exists"}, status=401)
        try:
            return web.json_response(await calls[request.path](json.loads(await request.text() or "{}")))
        except (AnvilError, KeyError, TypeError, ValueError) as error:
            # java-tron answers its own exceptions with status 200.
            return web.json_response({"Error": f"class java.lang.{type(error).__name__} : {error}"})

    async def add_native(self, kind: str, value: Json) -> str:
        """Put a transaction that runs no contract into a block of its own; its id."""
        await self.anvil.mine(1)
        number = await self.anvil.number()
        tx_id = hashlib.sha256(f"{number} {kind}".encode()).hexdigest()
        contract = {"type": kind, "parameter": {"value": value}}
        self.natives.setdefault(number, []).append(
            {"ret": [{"contractRet": "SUCCESS"}], "txID": tx_id, "raw_data": {"contract": [contract]}}
        )
        return tx_id

    async def _now_block(self, _body: Body) -> Json:
        return await self._block(await self.solid())

    async def _block_by_num(self, body: Body) -> Json:
        number = int(body["num"])
        return await self._block(number) if number <= await self.solid() else {}

    async def _infos_by_num(self, body: Body) -> list[Json]:
        number = int(body["num"])
        if number > await self.solid():
            return []
        block, receipts = await self._run(number)
        seconds = int(block["timestamp"], 16)
        natives = [_native_info(native, number, seconds) for native in self.natives.get(number, [])]
        run = zip(block["transactions"], receipts, strict=True)
        return [*natives, *(_info(receipt, _outcome(one, receipt), seconds) for one, receipt in run)]

    async def _info_by_id(self, body: Body) -> Json:
        receipt = await self.anvil.call("eth_getTransactionReceipt", f"0x{body['value']}")
        if receipt is None or int(receipt["blockNumber"], 16) > await self.solid():
            return {}
        infos = await self._infos_by_num({"num": int(receipt["blockNumber"], 16)})
        return next(info for info in infos if info["id"] == body["value"])

    async def _trigger(self, body: Body) -> Json:
        contract = f"0x{body['contract_address'].removeprefix(PREFIX)}"
        selector = keccak(text=body["function_selector"])[:4].hex()
        call = {"to": contract, "data": f"0x{selector}{body.get('parameter', '')}"}
        solid = hex(await self.solid())
        code, answer = await self.anvil.batch(
            [("eth_getCode", [contract, solid]), ("eth_call", [call, solid])]
        )
        if code == "0x":
            words = "Contract validate error : Smart contract is not exist."
            return {"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": words.encode().hex()}}
        return {"result": {"result": True}, "energy_used": 541, "constant_result": [answer[2:]]}

    async def _json_rpc(self, body: Body) -> Json:
        if not self.has_json_rpc:
            raise KeyError("/jsonrpc")
        reply = {"jsonrpc": "2.0", "id": body["id"]}
        if body["method"] != "eth_getLogs":
            return {**reply, "error": {"code": -32601, "message": "method not found", "data": "{}"}}
        (wanted,) = body["params"]
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if last - first > EVENT_BLOCKS_MAX:
            return {
                **reply,
                "error": {"code": -32602, "message": f"exceed max block range: {EVENT_BLOCKS_MAX}"},
            }
        last = min(last, await self.anvil.number())
        found = [] if first > last else await self.anvil.call("eth_getLogs", {**wanted, "toBlock": hex(last)})
        if len(found) > EVENTS_MAX:
            words = f"query returned more than {EVENTS_MAX} results. Try with smaller block range."
            return {**reply, "error": {"code": -32005, "message": words}}
        known = (log for log in found if int(log["blockNumber"], 16) not in self.unindexed)
        return {**reply, "result": [self._event(log) for log in known]}

    def _event(self, log: Json) -> Json:
        number = int(log["blockNumber"], 16)
        names = (
            "address",
            "topics",
            "data",
            "blockNumber",
            "transactionHash",
            "transactionIndex",
            "logIndex",
        )
        block_hash = f"0x{self._id(number, log['blockHash'])}"
        return {**{name: log[name] for name in names}, "blockHash": block_hash, "removed": False}

    async def _run(self, number: int) -> tuple[Json, list[Json]]:
        with_transactions = True
        block, receipts = await self.anvil.batch(
            [
                ("eth_getBlockByNumber", [hex(number), with_transactions]),
                ("eth_getBlockReceipts", [hex(number)]),
            ]
        )
        return block, receipts

    async def _block(self, number: int) -> Json:
        block, receipts = await self._run(number)
        header: Json = {"parentHash": self._id(number - 1, block["parentHash"])}
        if number > 0:  # zeros are left out, and the first block is dated 1970
            header |= {"number": number, "timestamp": int(block["timestamp"], 16) * 1_000, "version": 31}
        answer = {"blockID": self._id(number, block["hash"]), "block_header": {"raw_data": header}}
        run = zip(block["transactions"], receipts, strict=True)
        transactions = [_transaction(one, _outcome(one, receipt)) for one, receipt in run]
        transactions = [*self.natives.get(number, []), *transactions]
        return {**answer, "transactions": transactions} if transactions else answer

    def _id(self, number: int, block_hash: str) -> str:
        """A block's id begins with its number."""
        if number < 0:
            return NO_BLOCK
        if number == 0:
            return self.genesis
        return f"{number:0{ID_NUMBER_CHARS}x}{block_hash[2 + ID_NUMBER_CHARS :]}"


@asynccontextmanager
async def java_tron(anvil: Anvil, genesis: str) -> AsyncIterator[JavaTron]:
    """A node on loopback that tells of this chain."""
    node = JavaTron(anvil, genesis)
    app = web.Application()
    app.router.add_route("POST", "/{path:.*}", node.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    node.url = f"http://{host}:{port}"
    try:
        yield node
    finally:
        await runner.cleanup()


def _outcome(transaction: Json, receipt: Json) -> str:
    if receipt["status"] == "0x1":
        return "SUCCESS"
    return "OUT_OF_ENERGY" if receipt["gasUsed"] == transaction["gas"] else "REVERT"


def _transaction(transaction: Json, outcome: str) -> Json:
    value = {
        "data": transaction["input"][2:],
        "owner_address": PREFIX + transaction["from"][2:],
        "contract_address": PREFIX + (transaction["to"] or "0x")[2:],
    }
    contract = {"type": "TriggerSmartContract", "parameter": {"value": value}}
    return {
        "ret": [{"contractRet": outcome}],
        "txID": transaction["hash"][2:],
        "raw_data": {"contract": [contract]},
    }


def _info(receipt: Json, outcome: str, seconds: int) -> Json:
    answer: Json = {
        "id": receipt["transactionHash"][2:],
        "blockNumber": int(receipt["blockNumber"], 16),
        "blockTimeStamp": seconds * 1_000,
        "contractResult": [""],
        "receipt": {"energy_usage_total": int(receipt["gasUsed"], 16), "result": outcome},
    }
    if outcome != "SUCCESS":
        answer |= {"result": "FAILED", "resMessage": f"{outcome} opcode executed".encode().hex()}
    logs = [
        {
            "address": log["address"][2:],
            "topics": [topic[2:] for topic in log["topics"]],
            "data": log["data"][2:],
        }
        for log in receipt["logs"]
    ]
    return {**answer, "log": [{k: v for k, v in log.items() if v} for log in logs]} if logs else answer


def _native_info(native: Json, number: int, seconds: int) -> Json:
    return {
        "id": native["txID"],
        "blockNumber": number,
        "blockTimeStamp": seconds * 1_000,
        "contractResult": [""],
        "receipt": {"net_usage": 267},
    }
