"""TON's own sandbox, which executes real contracts, as a process of node that lives within a `with` block."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, Final

import attrs

from ytmarket.adapters.chains.ton.chain import MASTER, ZERO_STATE

PROGRAM: Final = Path(__file__).with_suffix(".cjs")
STOP_SECONDS_MAX: Final = 10


class SandboxError(Exception):
    """The sandbox failed at something; the message is its own."""


@attrs.frozen
class TonSandbox:
    """A running chain. It belongs to no event loop, so that many tests can share one."""

    _process: subprocess.Popen[str]
    _lock: Lock = attrs.field(factory=Lock, init=False)
    _numbers: Iterator[int] = attrs.field(factory=lambda: count(1), init=False)

    async def act(self, act: str, **told: Any) -> Any:
        """Let somebody do something, which is executed at once. Raises `SandboxError`."""
        return await asyncio.to_thread(self._answer, {"act": act, **told})

    async def answer(self, query: Any, commit: int | None = None) -> dict[str, Any]:
        """What tonlib answers this request, as of the newest commit unless told otherwise."""
        request = {"query": query} if commit is None else {"query": query, "commit": commit}
        answer: dict[str, Any] = await asyncio.to_thread(self._answer, request)
        return answer

    def next_number(self) -> int:
        """One that nobody on this chain has had before."""
        return next(self._numbers)

    def hear(self) -> Any:
        """The next line that the process says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SandboxError("the sandbox ended; what it said is on standard error")
        said = json.loads(line)
        if "error" in said:
            raise SandboxError(said["error"])
        return said["result"]

    def _answer(self, request: Any) -> Any:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return self.hear()


def find_sandbox(root: Path) -> Path | None:
    """The folder in which npm installed the sandbox for this checkout, if node is there too."""
    folder = root / "tests/node"
    is_there = (folder / "node_modules/@ton/sandbox").is_dir() and shutil.which("node") is not None
    return folder if is_there else None


@contextmanager
def running_sandbox(folder: Path) -> Iterator[TonSandbox]:
    """A new chain with USDT at its real address, by what npm installed in this folder."""
    node = shutil.which("node")
    assert node is not None, "find_sandbox has not been asked"
    with subprocess.Popen(  # noqa: S603 - our own program
        [node, PROGRAM, folder, str(MASTER), *ZERO_STATE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        sandbox = TonSandbox(process)
        try:
            sandbox.hear()
            yield sandbox
        finally:
            process.terminate()
            process.wait(STOP_SECONDS_MAX)
