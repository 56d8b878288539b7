"""The built-in chain for trying things out, and what its supplier does."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import attrs

from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network


class SupplierMode(StrEnum):
    """What happens to orders from now on."""

    DELIVER = "deliver"
    FAIL = "fail"
    PARTIAL = "partial"
    HOLD = "hold"


@attrs.frozen(kw_only=True)
class DevnetTransfer:
    """A transfer to the shop's wallet on a network of devnet; another token than USDT is noise."""

    network: Network
    amount: Usdt
    sender: str | None = None
    token: str | None = None
    age_seconds: int = 0  # how long before now the chain says it happened


class Devnet(Protocol):
    """A chain of our own, with all six networks, that anybody who can reach it may write to.

    * a transfer is final at once, has a hash of its own, and is read by the network's reader;
    * a transfer of another token is never a deposit;
    * the supplier's mode outlives a restart and holds in every process.
    """

    async def send(self, transfer: DevnetTransfer) -> str:
        """Put a transfer on the chain; answers its hash."""
        ...

    async def supplier_mode(self) -> SupplierMode: ...

    async def set_supplier_mode(self, mode: SupplierMode) -> None: ...
