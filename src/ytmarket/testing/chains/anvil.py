"""Anvil, Foundry's local Ethereum node, as a process that lives as long as a `with` block."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
from aiohttp import ClientSession

START_SECONDS_MAX: Final = 30
STOP_SECONDS_MAX: Final = 10
GAS: Final = hex(10**10)  # given, so that anvil need not try what it costs, and failures are mined too
READY: Final = b"Listening on "
BLOCKS_TO_FINAL: Final = 4


class AnvilError(Exception):
    """Anvil refused a call, or did not start; the message is its own."""


@attrs.frozen
class Anvil:
    """A running node."""

    url: str
    _session: ClientSession

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one JSON-RPC call. Raises `AnvilError`."""
        (result,) = await self.batch([(method, params)])
        return result

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of calls that are made in this order."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(calls)
        ]
        async with self._session.post(self.url, json=body) as answer:
            replies = await answer.json()
        for (method, _), reply in zip(calls, replies, strict=True):
            if "error" in reply:
                raise AnvilError(f"{method}: {reply['error']['message']}")
        return [reply["result"] for reply in replies]

    async def send(self, sender: str, to: str, data: str) -> str:
        """Put a transaction into the next block, whether it fails there or not; its hash."""
        transaction = {"from": sender, "to": to, "data": data, "gas": GAS}
        tx_hash, _ = await self.batch([("eth_sendTransaction", [transaction]), ("anvil_mine", ["0x1"])])
        if await self.call("eth_getTransactionReceipt", tx_hash) is None:
            raise AnvilError(f"{tx_hash} was not mined")
        return str(tx_hash)

    async def mine(self, blocks: int) -> None:
        """Add so many blocks with whatever waits in the pool."""
        await self.call("anvil_mine", hex(blocks))

    async def number(self, tag: str = "latest") -> int:
        """The number of the block that bears this tag."""
        return int((await self.block(tag))["number"], 16)

    async def block(self, which: str) -> Any:
        """The header of a block, by its tag or its number in hexadecimal."""
        without_transactions = False
        return await self.call("eth_getBlockByNumber", which, without_transactions)


def find_anvil(root: Path) -> Path | None:
    """Anvil as npm brought it into tests/node of this checkout, or as it is on the path."""
    packages = root / "tests/node/node_modules/@foundry-rs"
    brought = sorted(path for name in ("anvil", "anvil.exe") for path in packages.glob(f"anvil-*/bin/{name}"))
    found = shutil.which("anvil")
    return brought[0] if brought else Path(found) if found else None


@asynccontextmanager
async def running_anvil(
    program: Path, *, chain_id: int, blocks_to_final: int = BLOCKS_TO_FINAL
) -> AsyncIterator[Anvil]:
    """A new chain on loopback. A block is `finalized` with so many on top, an even number."""
    process = await asyncio.create_subprocess_exec(
        program,
        *("--host", "127.0.0.1", "--port", "0", "--chain-id", str(chain_id)),
        *("--slots-in-an-epoch", str(blocks_to_final // 2)),
        *("--auto-impersonate", "--disable-block-gas-limit", "--no-mining"),
        stdout=PIPE,
        stderr=STDOUT,
    )
    assert process.stdout is not None
    try:
        address = await asyncio.wait_for(_address(process.stdout), START_SECONDS_MAX)
        draining = asyncio.create_task(_drain(process.stdout))
        async with ClientSession() as session:
            yield Anvil(f"http://{address}", session)
        draining.cancel()
    finally:
        await _stop(process)


async def _address(output: asyncio.StreamReader) -> str:
    said = []
    async for line in output:
        if line.startswith(READY):
            return line.removeprefix(READY).decode().strip()
        said.append(line.decode(errors="replace"))
    raise AnvilError(f"anvil did not start: {''.join(said)}")


async def _drain(output: asyncio.StreamReader) -> None:
    # It tells of every call, and would stop when nobody listened.
    while await output.read(65_536):
        pass


async def _stop(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()
