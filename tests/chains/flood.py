"""Writes a chain full of dust and foreign transfers, and remembers what was sent to the shop's wallet."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

import attrs

from ytmarket.testing.chains.evm import BATCH, FORGED, TOKEN, EvmWorld
from ytmarket.testing.chains.evm_contracts import COUNTERFEIT, FORGER, PAYER, PAYMASTER, STRANGER

GAS = hex(10**10)
UNITS = 10**6
HOURS_MAX = 48
BLOCKS_PER_CHAPTER = 24
PAYMENTS_PER_CHAPTER = 24
SHARE = 100
"""One transfer of so many is a payment; the others are dust, or none of ours."""

Calls: TypeAlias = list[tuple[str, list[Any]]]


@attrs.define
class Flood:
    """Written chapter by chapter, as somebody else writes a chain while we read it, or do not."""

    world: EvmWorld
    chance: random.Random
    sent: Counter[int] = attrs.field(factory=Counter)
    """How often each amount was sent to the wallet."""

    written: int = 0
    """Transfers of every kind."""

    _serial: int = 0

    async def write(self) -> None:
        """Two dozen blocks: payments, and for each a hundred transfers that are worth nothing to the shop."""
        noise = list(self._noise(PAYMENTS_PER_CHAPTER * (SHARE - 1)))
        calls = [*self._payments(), *noise]
        self.chance.shuffle(calls)
        for block in range(BLOCKS_PER_CHAPTER):
            mined = [
                *calls[block::BLOCKS_PER_CHAPTER],
                self._call("anvil_mine", hex(self.chance.randint(1, 3))),
            ]
            await self.world.anvil.batch(mined)

    async def pass_time(self) -> None:
        """Up to two days, of which the next block is the first to know."""
        seconds = self.chance.randint(60, HOURS_MAX * 3_600)
        await self.world.anvil.call("evm_increaseTime", seconds)

    def _payments(self) -> Iterator[tuple[str, list[Any]]]:
        """Single ones, and several in one transaction, as exchanges send them."""
        left = PAYMENTS_PER_CHAPTER
        while left:
            amounts = [self._amount() for _ in range(min(left, self.chance.choice([1, 1, 1, 5])))]
            left -= len(amounts)
            self.sent.update(amounts)
            self.written += len(amounts)
            to = [self.world.wallet] * len(amounts)
            yield self._send(PAYMASTER, BATCH.call("pay", self.world.chain.token, to, amounts))

    def _amount(self) -> int:
        """Never the same twice."""
        self._serial += 1
        return self.chance.randint(1, 900) * UNITS + self._serial

    def _noise(self, count: int) -> Iterator[tuple[str, list[Any]]]:
        wallet, token = self.world.wallet, self.world.chain.token
        while count:
            size = min(count, self.chance.randint(50, 400))
            count -= size
            self.written += size
            kind = self.chance.choice(["dust", "foreign", "foreign", "counterfeit", "counterfeit"])
            if kind == "dust":
                self.sent.update(range(1, size + 1))
            target = COUNTERFEIT if kind == "counterfeit" else token
            yield self._send(
                PAYMASTER, BATCH.call("drip", target, STRANGER if kind == "foreign" else wallet, size)
            )
        amount = self._amount()
        yield self._send(FORGER, FORGED.call("forge", PAYER, wallet, amount))
        yield self._send(PAYMASTER, BATCH.call("payAndFail", token, wallet, amount))
        yield self._send(token, TOKEN.call("transfer", wallet, 0))

    def _send(self, to: str, data: str) -> tuple[str, list[Any]]:
        return self._call("eth_sendTransaction", {"from": PAYER, "to": to, "data": data, "gas": GAS})

    @staticmethod
    def _call(method: str, *params: Any) -> tuple[str, list[Any]]:
        return method, list(params)
