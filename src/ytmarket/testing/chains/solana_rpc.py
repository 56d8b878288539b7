"""A ledger of Solana behind the JSON-RPC methods that a reader uses, served over HTTP.

Accounts are answered as they stand now, whatever is final; the clock is the final slot's.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import attrs
from aiohttp import web
from solders.clock import Clock
from solders.pubkey import Pubkey

from ytmarket.adapters.chains.solana.chain import CLOCK, GENESIS
from ytmarket.testing.chains.litesvm import Entry, Ledger
from ytmarket.testing.chains.solana_answers import executed, is_v0, listed

LIMIT_MAX: Final = 1_000
Options = dict[str, Any]


class RefusedByNode(Exception):
    """An error as the node would number and word it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.reply = {"code": code, "message": message}


@attrs.define
class SolanaRpc:
    """Answers calls. It may be told to know less than there is, as machines behind one address do."""

    ledger: Ledger
    head: int | None = None
    """The newest final slot that it knows; None for all of them."""

    first: int = 0
    """The oldest slot of which it has transactions."""

    late_by: timedelta = timedelta(0)
    """How far the clock of the cluster is behind, as far as it knows."""

    hidden: set[str] = attrs.field(factory=set)
    """Signatures that it has not heard of."""

    order: Callable[[Sequence[Entry]], Sequence[Entry]] = list
    """In which order it lists the transactions of one slot, given oldest first."""

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """The reply to one call of JSON-RPC."""
        shell = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            return {**shell, "result": self._result(call["method"], call.get("params", []))}
        except RefusedByNode as refusal:
            return {**shell, "error": refusal.reply}

    @property
    def final(self) -> int:
        return self.ledger.final if self.head is None else self.head

    def _result(self, method: str, params: Sequence[Any]) -> Any:
        match method, params:
            case "getGenesisHash", []:
                return GENESIS
            case "getFirstAvailableBlock", []:
                return self.first
            case "getMultipleAccounts", [addresses, {"commitment": "finalized", "encoding": "base64"}]:
                value = [self._account(Pubkey.from_string(address)) for address in addresses]
                return {"context": {"apiVersion": "3.0.0", "slot": self.final}, "value": value}
            case "getTokenAccountsByOwner", [
                owner,
                {"mint": mint},
                {"commitment": "finalized", "encoding": "base64"},
            ]:
                owned = self._owned(Pubkey.from_string(owner), Pubkey.from_string(mint))
                return {"context": {"apiVersion": "3.0.0", "slot": self.final}, "value": owned}
            case "getSignaturesForAddress", [address, {"commitment": "finalized"} as options]:
                return self._signatures(Pubkey.from_string(address), options)
            case "getTransaction", [signature, {"commitment": "finalized", "encoding": "json"} as options]:
                return self._transaction(signature, options)
            case _:
                raise RefusedByNode(-32601, "Method not found")

    def _owned(self, owner: Pubkey, mint: Pubkey) -> list[dict[str, Any]]:
        found = self.ledger.holdings().items()
        return [
            {"pubkey": str(key), "account": self._account(key)}
            for key, holding in found
            if (holding.owner, holding.mint) == (owner, mint)
        ]

    def _signatures(self, address: Pubkey, options: Options) -> Any:
        limit, before = options["limit"], options.get("before")
        if limit not in range(1, LIMIT_MAX + 1):
            raise RefusedByNode(-32602, f"Invalid limit; max {LIMIT_MAX}")
        if options.get("minContextSlot", 0) > self.final:
            raise RefusedByNode(-32016, "Minimum context slot has not been reached")
        entries = self._entries(address)
        if before is not None:
            names = [entry.signature for entry in entries]
            # Nothing is before a transaction that it has not heard of, and it says so without an error.
            entries = entries[names.index(before) + 1 :] if before in names else []
        return listed(entries[:limit], self.ledger)

    def _transaction(self, signature: str, options: Options) -> Any:
        entry = self.ledger.entries.get(signature)
        if entry is None or not self._knows(entry):
            return None
        if is_v0(entry) and options.get("maxSupportedTransactionVersion") is None:
            raise RefusedByNode(-32015, "Transaction version (0) is not supported by the requesting client")
        return executed(entry, self.ledger)

    def _account(self, address: Pubkey) -> dict[str, Any] | None:
        account = self.ledger.account(address)
        if account is None:
            return None
        data = account.data
        if address == CLOCK:
            time = self.ledger.time_of(self.final) - self.late_by // timedelta(seconds=1)
            data = bytes(Clock(self.final, 0, 0, 0, time))
        return {
            "data": [base64.b64encode(data).decode(), "base64"],
            "executable": account.executable,
            "lamports": account.lamports,
            "owner": str(account.owner),
            "rentEpoch": 2**64 - 1,
            "space": len(data),
        }

    def _entries(self, address: Pubkey) -> list[Entry]:
        """Those that name the address, newest first."""
        slots = dict[int, list[Entry]]()
        for entry in self.ledger.entries_of(address):
            if self._knows(entry):
                slots.setdefault(entry.slot, []).append(entry)
        return [entry for slot in sorted(slots, reverse=True) for entry in self.order(slots[slot])[::-1]]

    def _knows(self, entry: Entry) -> bool:
        return self.first <= entry.slot <= self.final and entry.signature not in self.hidden


@asynccontextmanager
async def served(rpc: SolanaRpc) -> AsyncIterator[str]:
    """The node on loopback, by its URL."""

    async def serve(request: web.Request) -> web.Response:
        return web.json_response(rpc.answer(await request.json()))

    app = web.Application()
    app.router.add_post("/", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()
