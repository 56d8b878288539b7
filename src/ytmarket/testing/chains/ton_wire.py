"""Takes the place of the native tonlib below pytonlib, and fails as it is told, or changes answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs
from pytonlib import TonlibClient
from pytonlib.tonlibjson import TonlibError, parse_tonlib_error

from ytmarket.adapters.chains.ton.chain import MASTER
from ytmarket.adapters.chains.ton.config import Config
from ytmarket.adapters.chains.ton.tonlib import Opening, Session
from ytmarket.testing.chains.faults import DAY, Fault, Faulty
from ytmarket.testing.chains.ton_sandbox import TonSandbox

SECRET: Final = "s3cret-in-the-path"
"""Stands in the path of the configuration, as keys stand in the URLs of providers."""

FIRST_COMMIT: Final = 0
NO_CONTRACT: Final = "0:" + "e" * 64
ODD_MASTER: Final = "0:" + "9" * 64
"""Where a jetton of nine decimals stands, which calls itself as ours does."""

Query = dict[str, Any]
Answer = dict[str, Any]
Edit = Callable[[Query, Answer], Answer]
"""From a request, and what was answered to it, to the answer that is passed on."""

_SAYS: Final[Mapping[Fault | None, str]] = {
    Fault.HANGS_UP: "LITE_SERVER_NETWORK",
    Fault.IS_BROKEN: "LITE_SERVER_UNKNOWN: internal error",
    Fault.LOCKS_US_OUT: f"LITE_SERVER_NETWORK: no access with {SECRET}",
    Fault.IS_BUSY: "LITE_SERVER_UNKNOWN: ratelimit exceeded",
}
_STANDS_IN: Final[Mapping[Fault | None, str]] = {
    Fault.LACKS_THE_TOKEN: NO_CONTRACT,
    Fault.HAS_OTHER_DECIMALS: ODD_MASTER,
}


@attrs.define
class Wire(Faulty[Edit]):
    """The way to one lite server. It passes everything on while it has no fault and no edit."""

    sandbox: TonSandbox
    commit: int | None = None
    """As of which commit the lite server answers; None: the newest."""

    calls: list[str] = attrs.field(factory=list)
    """The kinds of requests that were made."""

    opened: int = 0
    """How many clients are open."""

    folders: list[Path] = attrs.field(factory=list)
    """Where each client was told to keep what it has proved."""

    is_waiting: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    """Set once somebody waits for an answer that does not come."""

    async def ask(self, query: Query) -> Answer:
        """As tonlib answers, or fails: by an answer of the type `error`, or not at all."""
        kind = query["@type"]
        self.calls.append(kind)
        if self.fault is Fault.IS_SILENT:
            self.is_waiting.set()
            await self._over.wait()
        if self.fault is Fault.BREAKS_OFF:
            raise RuntimeError("TonLib failed with state: crashed")
        if self.fault is Fault.TALKS_NONSENSE:
            return {"@type": "ok"}
        if self.fault in _SAYS:
            raise TonlibError({"@type": "error", "code": 500, "message": _SAYS[self.fault]})
        if self.fault is Fault.IS_OF_ANOTHER_CHAIN and kind == "sync":
            message = "VALIDATE_ZERO_STATE: Masterchain zerostate mismatch: expected: A, found B from config"
            raise TonlibError({"@type": "error", "code": 500, "message": message})
        return await self._pass_on(query)

    async def _pass_on(self, query: Query) -> Answer:
        if self.before is not None:
            await self.before()
        commit = FIRST_COMMIT if self.fault is Fault.LAGS else self.commit
        answer = await self.sandbox.answer(self._redirected(query), commit)
        if self.fault is Fault.STANDS_STILL and "sync_utime" in answer:
            answer = {**answer, "sync_utime": answer["sync_utime"] - DAY // timedelta(seconds=1)}
        return answer if self.edit is None else self.edit(query, answer)

    def _redirected(self, query: Query) -> Query:
        other = _STANDS_IN.get(self.fault)
        if other is None or query.get("account_address") != {"account_address": str(MASTER)}:
            return query
        return {**query, "account_address": {"account_address": other}}


@attrs.frozen
class StandIn:
    """What pytonlib's client calls its wrapper."""

    wire: Wire

    async def execute(self, query: Query, timeout: float = 10) -> Answer:  # noqa: ARG002, ASYNC109 - pytonlib's
        answer = await self.wire.ask(query)
        error = parse_tonlib_error(answer)
        if error is not None:
            raise error
        return answer

    async def close(self) -> None:
        self.wire.opened -= 1


def opening_by(wires: Mapping[int, Wire]) -> Opening:
    """Lite servers are told apart by their ports."""

    async def open_wire(config: Config, index: int, folder: Path, limit: timedelta) -> Session:
        wire = wires[config["liteservers"][index]["port"]]
        client = TonlibClient(index, dict(config), str(folder), tonlib_timeout=limit / timedelta(seconds=1))
        client.tonlib_wrapper = StandIn(wire)
        wire.opened += 1
        wire.folders.append(folder)
        session = Session(client, lambda: None)
        try:
            await client.tonlib_wrapper.execute({"@type": "init"})
        except BaseException:
            await session.close()
            raise
        return session

    return open_wire
