"""JSON-RPC: calls as they are sent, and answers as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs
import msgspec

FIRST_ID: Final = 1  # some proxies take 0 for none


@attrs.frozen
class Call:
    """One JSON-RPC call."""

    method: str
    params: tuple[Any, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """An error as JSON-RPC has it."""

    code: int = 0
    message: str = ""


class Reply(msgspec.Struct, frozen=True):
    """The answer to one call."""

    id: int | None = None
    result: Any = None
    error: Refusal | None = None


def encoded(calls: Sequence[Call]) -> bytes:
    """A batch of calls, numbered from the first id on."""
    return msgspec.json.encode(
        [
            {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}
            for number, call in enumerate(calls, start=FIRST_ID)
        ]
    )
