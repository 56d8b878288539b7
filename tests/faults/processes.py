"""The command line in processes of their own: to be served by, to be killed, to be started again.

They are forked from one that has imported everything, because dozens of starts are on their way here.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import attrs
import httpx2

from tests.acceptance.server import free_port

START_SECONDS = 60
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "ytmarket.entrypoints.serve", "ytmarket.entrypoints.cli"])


@attrs.define
class Command:
    """One `ytmarket` command that goes on until it is stopped or killed."""

    words: list[str]
    settings: Mapping[str, str]
    log: Path
    log_level: str = "INFO"
    _process: BaseProcess | None = None

    def spawn(self) -> None:
        assert self._process is None, "it runs"
        # Daemons end with us, whatever becomes of the test.
        self._process = FORKS.Process(
            target=_be_the_command,
            args=(self.words, dict(self.settings), str(self.log), self.log_level),
            daemon=True,
        )
        self._process.start()

    def kill(self) -> None:
        """End it as a power cut would."""
        process = self._running()
        process.kill()
        process.join()
        self._process = None

    def stop(self) -> int | None:
        """Ask it to end; its exit code."""
        process = self._running()
        process.terminate()
        process.join(30)
        self._process = None
        return process.exitcode

    def wait(self, seconds: float = 120) -> int | None:
        """Until it ends by itself; its exit code."""
        process, self._process = self._process, None
        assert process is not None, "it was not started"
        process.join(seconds)
        if process.is_alive():
            process.kill()
            raise AssertionError(f"it does not end: {self.printed[-4000:]}")
        return process.exitcode

    def end(self) -> None:
        """Whatever its state."""
        if self._process is not None:
            self.kill()

    @property
    def printed(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def _running(self) -> BaseProcess:
        assert self._process is not None, "it was not started"
        assert self._process.is_alive(), f"it ended by itself: {self.printed[-4000:]}"
        return self._process


@attrs.define
class Server(Command):
    """`ytmarket serve` on a port that it keeps over its lives."""

    port: int = attrs.field(factory=free_port)

    @classmethod
    def on(cls, folder: Path, settings: Mapping[str, str], *words: str) -> Server:
        """A server with a data folder of its own in the given one, for its key and its log."""
        port = free_port()
        data_dir = folder / f"server-{port}"
        data_dir.mkdir()
        served = ["serve", "--port", str(port), "--data-dir", str(data_dir), *words]
        return cls(served, settings, data_dir / "server.log", port=port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        """Start it and wait until it answers."""
        self.spawn()
        deadline = time.monotonic() + START_SECONDS
        with httpx2.Client(base_url=self.url, trust_env=False, timeout=5) as client:
            while not _answers(client):
                assert self.is_alive, f"it ended by itself: {self.printed[-4000:]}"
                assert time.monotonic() < deadline, f"it does not answer: {self.printed[-4000:]}"
                time.sleep(0.02)
        return self


def _answers(client: httpx2.Client) -> bool:
    try:
        return client.get("/api/v1/health").status_code == 401
    except httpx2.HTTPError:
        return False


def _be_the_command(words: list[str], settings: dict[str, str], log: str, log_level: str) -> None:
    with open(log, "ab", buffering=0) as written:  # noqa: PTH123 - its descriptor is what is wanted
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    for name in [name for name in os.environ if name.startswith("YTMARKET_")]:
        del os.environ[name]
    os.environ.update(settings)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["ytmarket", *words]
    from ytmarket.adapters.system.logging import configure_logging
    from ytmarket.entrypoints import serve
    from ytmarket.entrypoints.cli import main

    vars(serve)["configure_logging"] = partial(configure_logging, level=log_level)
    if log_level == "DEBUG":
        logging.getLogger("psycopg").setLevel(log_level)  # which is quiet unless it is asked to talk
    main()
