"""The contracts of contracts.sol: their code, how they are called, and where they are put."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import attrs
from eth_abi.abi import encode
from eth_utils.crypto import keccak

PAYER: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"  # the first account that anvil funds
PAYMASTER: Final = f"0x{'a1' * 20}"
FORGER: Final = f"0x{'f0' * 20}"
COUNTERFEIT: Final = f"0x{'fa' * 20}"
STRANGER: Final = f"0x{'57' * 20}"

_COMPILED: Final = json.loads((files("ytmarket.testing.chains") / "contracts.json").read_text())
_BALANCES: Final = 1  # the slot of the token's mapping, after the one of its small numbers


@attrs.frozen
class Contract:
    """A compiled contract, by its name in the source."""

    name: str

    @property
    def code(self) -> str:
        """What stands at its address."""
        return str(_COMPILED[self.name]["code"])

    def call(self, method: str, *arguments: Any) -> str:
        """The data of a transaction that calls it."""
        methods: Mapping[str, str] = _COMPILED[self.name]["methods"]
        (signature,) = (one for one in methods if one.startswith(f"{method}("))
        kinds = signature[len(method) + 1 : -1].split(",") if arguments else []
        return f"0x{methods[signature]}{encode(kinds, arguments).hex()}"

    def balance_slot(self, owner: str) -> str:
        """Where the token keeps this owner's balance."""
        key = bytes(12) + bytes.fromhex(owner.removeprefix("0x")) + _BALANCES.to_bytes(32, "big")
        return f"0x{keccak(key).hex()}"
