"""A real server for the acceptance tests: a process of its own, as a person starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from types import MappingProxyType
from typing import TypeVar

import attrs
import httpx2

START_SECONDS = 60

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@attrs.define
class Server:
    """`ytmarket serve` on a data folder. It can be stopped, killed and started again.

    Several may share one folder, hence one database. `greeting` is what a stranger is answered as
    soon as the server is ready.
    """

    data_dir: Path
    settings: Mapping[str, str] = attrs.field(factory=dict)
    demo: bool = True
    workers: bool = True
    greeting: int = 401
    port: int = attrs.field(factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.data_dir.with_name(f"server-{self.port}.log")

    @property
    def printed(self) -> str:
        """What the present start has printed so far."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.url}/api/v1"

    def start(self) -> Server:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "ytmarket.entrypoints", "serve", "--port", str(self.port)]
        options = [*(["--demo"] if self.demo else []), *([] if self.workers else ["--no-workers"])]
        log = self.log.open("wb")
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir), *options],
            env=environment(self.settings),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self._wait()
        return self

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        self._process = None
        return process.returncode

    def kill(self) -> None:
        """End it as a power cut would."""
        process = self._running()
        process.kill()
        process.wait(timeout=30)
        self._process = None

    def run(self, *words: str) -> CompletedProcess[str]:
        """A command of the command line on the same data folder."""
        return command(*words, "--data-dir", str(self.data_dir), settings=self.settings)

    def client(self, key: str = "") -> httpx2.Client:
        headers = {"X-API-Key": key} if key else {}
        return httpx2.Client(base_url=self.url, headers=headers, trust_env=False, timeout=20)

    @property
    def keys(self) -> list[str]:
        """The API keys that the first start printed: the one that signs, and the funded one."""
        return re.findall(r"\bytm_\S+", self.printed)

    @property
    def secrets(self) -> list[str]:
        return re.findall(r"\byts_\S+", self.printed)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def _wait(self) -> None:
        process, deadline = self._running(), time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._process = None
                raise AssertionError(f"the server ended: {self.printed}")
            if self._answers():
                return
            time.sleep(0.05)
        raise AssertionError(f"the server did not answer: {self.printed}")

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.api}/health", trust_env=False, timeout=5).status_code == self.greeting
        except httpx2.HTTPError:
            return False


def command(*words: str, settings: Mapping[str, str] = MappingProxyType({})) -> CompletedProcess[str]:
    """What a command of the command line says and how it ends."""
    line = [sys.executable, "-m", "ytmarket.entrypoints", *words]
    return subprocess.run(
        line, env=environment(settings), capture_output=True, text=True, timeout=120, check=False
    )


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without a stranger's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YTMARKET_")}
    return kept | dict(settings)


def until(ask: Callable[[], T], wanted: Callable[[T], bool], *, seconds: float = 30) -> T:
    """Ask until the answer is as wanted; the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        found = ask()
        if wanted(found):
            return found
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.1)
