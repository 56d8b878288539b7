"""Runs clients' programs side by side: each takes a while, mostly waiting."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import attrs
import pytest

from tests.acceptance.server import environment
from tests.conftest import STRICT

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "tests" / "node" / "node_modules"
SECONDS = 120


@attrs.frozen(kw_only=True)
class Program:
    """A command with its environment, and what it must find on this machine."""

    command: Sequence[str]
    environment: Mapping[str, str] = attrs.field(factory=dict)
    needs: Sequence[str] = ()  # programs, or packages for node as npm:NAME

    @property
    def lacks(self) -> list[str]:
        return [name for name in self.needs if not _is_there(name)]

    def run(self) -> CompletedProcess[str]:
        return subprocess.run(
            self.command,
            env=environment({"NO_PROXY": "127.0.0.1", "GOPROXY": "off", **self.environment}),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def _is_there(name: str) -> bool:
    kind, colon, package = name.partition(":")
    return (NODE_MODULES / package).is_dir() if colon else shutil.which(kind) is not None


@attrs.frozen
class Runs:
    """Programs that were started together, by name."""

    _programs: Mapping[str, Program]
    _running: Mapping[str, Future[CompletedProcess[str]]]

    def __getitem__(self, name: str) -> CompletedProcess[str]:
        """How it ended; a program that this machine cannot run is skipped, or fails with STRICT=1."""
        lacks = ", ".join(self._programs[name].lacks)
        if lacks and STRICT:
            pytest.fail(f"STRICT=1, and this machine lacks {lacks}", pytrace=False)
        if lacks:
            pytest.skip(f"needs {lacks}")
        return self._running[name].result()


@contextmanager
def side_by_side(programs: Mapping[str, Program]) -> Iterator[Runs]:
    with ThreadPoolExecutor(max(1, len(programs))) as pool:
        running = {name: pool.submit(program.run) for name, program in programs.items() if not program.lacks}
        yield Runs(programs, running)


def with_modules(folder: Path, name: str, source: str) -> Path:
    """The source as a file beside which node finds the packages of tests/node."""
    if NODE_MODULES.is_dir() and not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(NODE_MODULES, target_is_directory=True)
    path = folder / name
    path.write_text(source)
    return path
