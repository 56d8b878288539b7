"""A chain of our own in memory, with all six networks, that anybody may write to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from ytmarket.adapters.inmemory.chain_reader import DevnetReader
from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.devnet import DevnetTransfer, SupplierMode
from ytmarket.application.ports.tokens import Tokens
from ytmarket.domain import limits
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.errors import InvalidValue
from ytmarket.domain.money import PLACES, ZERO
from ytmarket.domain.networks import Network
from ytmarket.domain.times import epoch_seconds, from_epoch

PAGE_TRANSFERS_MAX: Final = 100


class InMemoryDevnet:
    """The `Devnet` port, and a `ChainReader` for each of its networks.

    It lives as long as its process, and so does what it was told about the supplier.
    """

    def __init__(self, clock: Clock, tokens: Tokens, *, page_size: int = PAGE_TRANSFERS_MAX) -> None:
        self.clock = clock
        self.page_size = page_size
        self.is_down = False
        """Set it to rehearse what happens while the node does not answer."""
        self._tokens = tokens
        self._deposits: dict[Network, list[Deposit]] = {net: [] for net in Network}
        self._mode = SupplierMode.DELIVER

    async def send(self, transfer: DevnetTransfer) -> str:
        """Raises `InvalidValue` for an amount or an age that no chain could have."""
        if not ZERO < transfer.amount <= limits.AMOUNT_MAX:
            raise InvalidValue(f"a transfer moves more than 0 and at most {limits.AMOUNT_MAX} USDT")
        if transfer.age_seconds < 0:
            raise InvalidValue(f"{transfer.age_seconds} seconds is no age: send 0 or more")
        if self.is_down:
            raise Unavailable("devnet was switched off")
        tx_hash = hashlib.sha256(self._tokens.lease().encode()).hexdigest()
        facts = transfer.network.facts
        if transfer.token in (None, facts.token):
            chain = self._deposits[transfer.network]
            chain.append(self._deposit(transfer, tx_hash, len(chain) + 1))
        return tx_hash

    async def supplier_mode(self) -> SupplierMode:
        return self._mode

    async def set_supplier_mode(self, mode: SupplierMode) -> None:
        self._mode = mode

    def reader(self, network: Network) -> DevnetReader:
        """A reader of this network's transfers to the shop."""
        return DevnetReader(self, network)

    def deposits(self, network: Network) -> Sequence[Deposit]:
        """Every USDT transfer to the shop's wallet on this network, in chain order."""
        return self._deposits[network]

    def wallet(self, network: Network) -> str:
        """Where to pay to. No real chain has such an address, so nothing can be lost to it."""
        return f"devnet-{network.facts.family}"

    def _deposit(self, transfer: DevnetTransfer, tx_hash: str, height: int) -> Deposit:
        network = transfer.network
        scale = 10 ** (network.facts.decimals - PLACES)
        return Deposit(
            network=network,
            tx_hash=tx_hash,
            event_index=0,
            sender=transfer.sender,
            recipient=self.wallet(network),
            raw=transfer.amount.micros * scale,
            decimals=network.facts.decimals,
            height=height,
            block_ref=tx_hash,
            at=from_epoch(epoch_seconds(self.clock.now()) - transfer.age_seconds),
        )
