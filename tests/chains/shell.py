"""Types into a shell what a page says to type."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from types import MappingProxyType

from tests.acceptance.server import environment


def typed(script: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """What the shell prints; it must end well."""
    line = ["sh", "-c", script]
    return subprocess.run(line, env=environment(variables), capture_output=True, text=True, check=True).stdout


def exported(script: str) -> dict[str, str]:
    """The shop's settings after these lines."""
    said = typed(f"{script}\nenv").splitlines()
    return dict(line.split("=", 1) for line in said if line.startswith("YTMARKET_"))
