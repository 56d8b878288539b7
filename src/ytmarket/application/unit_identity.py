"""What a unit is known by: its content, in whatever order its members stand."""

from __future__ import annotations

import json
from typing import Any, Final

from ytmarket.application.ports.vault import Vault

_text: Final = json.JSONEncoder().encode


class _Number(str):
    """A number as it was written, digit by digit."""

    __slots__ = ()


def known_by(content: bytes) -> bytes:
    """The same for two units whose members differ in nothing but their order; not what is handed out.

    Content that is no JSON is known by itself.
    """
    try:
        told = json.loads(content.decode(), parse_int=_Number, parse_float=_Number)
        return _written(told).encode()
    except (ValueError, RecursionError):
        return content


def fingerprints(vault: Vault, content: bytes) -> tuple[bytes, ...]:
    """What the store knows the unit by; then what it may know it by from before.

    That is under former keys, and in the order in which its members stand.
    """
    known = known_by(content)
    names = [known] if known == content else [known, content]
    return tuple(
        digest for name in names for digest in (vault.fingerprint(name), *vault.former_fingerprints(name))
    )


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join([f"{_text(name)}:{_written(value[name])}" for name in sorted(value)]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([_written(one) for one in value]) + "]"
    return str(value) if isinstance(value, _Number) else _text(value)
