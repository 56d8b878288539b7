"""What local chains that run Ethereum's contracts have in common: a token, and a shop's wallet to pay to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import attrs

from ytmarket.application.ports.chain_auditor import AuditedReader
from ytmarket.domain.money import PLACES, Usdt
from ytmarket.testing.chains.anvil import Anvil
from ytmarket.testing.chains.evm_contracts import COUNTERFEIT, FORGER, PAYER, PAYMASTER, STRANGER, Contract
from ytmarket.testing.chains.faults import PATIENT, Fault
from ytmarket.testing.chains.faulty_node import SECRET, Edit, FaultyNode
from ytmarket.testing.chains.shifted_clock import ShiftedClock

NO_PACE: Final = 1_000_000
TOKEN: Final = Contract("Token")
FORGED: Final = Contract("Forger")
BATCH: Final = Contract("Paymaster")
MUCH: Final = 10**30

R = TypeVar("R", bound=AuditedReader)


@attrs.define(kw_only=True)
class TokenWorld(ABC, Generic[R]):
    """Most of a `NodeUnderTest` and of an `AuditUnderTest`. Its readers ask through a `FaultyNode`."""

    anvil: Anvil
    node: FaultyNode
    clock: ShiftedClock = attrs.field(factory=ShiftedClock)
    timeout: timedelta = PATIENT
    transfers_per_transaction_max: int = 1_000
    keeps_sums: bool = False
    final_at_once: bool = False
    faults: frozenset[Fault] = frozenset(Fault)
    _readers: list[R] = attrs.field(factory=list, init=False)
    _is_funded: bool = attrs.field(default=False, init=False)

    @property
    @abstractmethod
    def account(self) -> str:
        """The shop's wallet as anvil writes it."""

    @property
    @abstractmethod
    def token(self) -> str:
        """The token's address as anvil writes it."""

    @property
    @abstractmethod
    def decimals(self) -> int: ...

    @property
    def secret(self) -> str:
        return SECRET

    async def pay(self, *amounts: Usdt) -> str:
        scale = 10 ** (self.decimals - PLACES)
        return await self.pay_raw(*(amount.micros * scale for amount in amounts))

    async def pay_raw(self, *amounts: int) -> str:
        """One transaction with so many transfers, in the token's smallest units."""
        if len(amounts) == 1:
            return await self.send(TOKEN.call("transfer", self.account, amounts[0]))
        to = [self.account] * len(amounts)
        return await self.send(BATCH.call("pay", self.token, to, amounts), to=PAYMASTER)

    async def drip(self, transfers: int) -> str:
        """One transaction with transfers of 1, 2, 3, ... smallest units."""
        return await self.send(BATCH.call("drip", self.token, self.account, transfers), to=PAYMASTER)

    async def send(self, data: str, *, to: str | None = None, sender: str = PAYER) -> str:
        """A transaction in a block of its own, to the token unless told otherwise; its hash."""
        return await self.anvil.send(sender, to or self.token, data)

    async def withdraw(self, amount: int) -> None:
        """Send so much from the shop's wallet to somebody else."""
        await self.send(TOKEN.call("transfer", STRANGER, amount), sender=self.account)

    async def charge(self, basis_points: int) -> None:
        """Let the token keep so much of every transfer from now on."""
        await self.send(TOKEN.call("setFee", basis_points))

    async def fund(self) -> None:
        """Let the wallet hold something that came before anybody read the chain."""
        if not self._is_funded:
            self._is_funded = True
            await self.deal(self.account, MUCH)

    async def make_noise(self) -> None:
        """Other tokens, forged events, transfers of nothing, failed ones, to others and to ourselves."""
        amount = 5 * 10**self.decimals
        wallet, token = self.account, self.token
        await self.send(TOKEN.call("transfer", wallet, amount), to=COUNTERFEIT)
        await self.send(FORGED.call("forge", PAYER, wallet, amount), to=FORGER)
        await self.send(TOKEN.call("transferFrom", PAYER, wallet, 0), sender=STRANGER)
        await self.send(TOKEN.call("transferFrom", wallet, PAYER, 0), sender=STRANGER)
        await self.send(TOKEN.call("transfer", wallet, 0))
        await self.send(BATCH.call("payAndFail", token, wallet, amount), to=PAYMASTER)
        await self.send(TOKEN.call("transfer", STRANGER, amount))
        await self.fund()
        await self.send(TOKEN.call("transfer", wallet, amount), sender=wallet)
        await self.withdraw(amount)

    async def deal(self, owner: str, amount: int) -> None:
        """Give somebody so much of the token out of nothing, and something to pay for transactions."""
        slot = TOKEN.balance_slot(owner)
        await self.anvil.call("anvil_setStorageAt", self.token, slot, f"0x{amount:064x}")
        await self.anvil.call("anvil_setBalance", owner, hex(10**24))

    @property
    def waits_above(self) -> Usdt | None:
        return None

    @abstractmethod
    async def settle(self) -> None: ...

    async def settle_soon(self) -> None:
        await self.settle()

    def outage(self) -> AbstractAsyncContextManager[None]:
        return self.failing(Fault.HANGS_UP)

    @asynccontextmanager
    async def failing(self, fault: Fault) -> AsyncIterator[None]:
        """The node has this fault inside the block."""
        edit = await self._edit_for(fault)
        with self.node.having(fault) if edit is None else self.node.answering(edit):
            yield

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()

    def _closed_with_us(self, reader: R) -> R:
        self._readers.append(reader)
        return reader

    @abstractmethod
    async def _edit_for(self, fault: Fault) -> Edit | None:
        """The answers of a node with this fault; None where the hop itself can have it."""


async def lay_down(anvil: Anvil, token: str, decimals: int) -> None:
    """Put the token at its address, a counterfeit beside it, and money into payers' hands."""
    codes = {token: TOKEN, COUNTERFEIT: TOKEN, PAYMASTER: BATCH, FORGER: FORGED}
    for address, contract in codes.items():
        await anvil.call("anvil_setCode", address, contract.code)
    await anvil.call("anvil_setBalance", STRANGER, hex(10**24))
    for one in (token, COUNTERFEIT):
        await anvil.send(PAYER, one, TOKEN.call("setDecimals", decimals))
        for owner in (PAYER, PAYMASTER):
            await anvil.call("anvil_setStorageAt", one, TOKEN.balance_slot(owner), f"0x{10 * MUCH:064x}")


def editing(name: str, change: Any) -> Edit:
    """Change what this call answers, named by itself or by the end of its path."""

    def edit(call: dict[str, Any], reply: Any) -> Any:
        return change(reply) if call["method"].rpartition("/")[2] == name else reply

    return edit
