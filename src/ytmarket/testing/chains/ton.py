"""A local TON with USDT at its real address, and a shop's wallet on it that can be paid to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs

from ytmarket.adapters.chains.ton.chain import DECIMALS, SETTING, ZERO_STATE
from ytmarket.adapters.chains.ton.history import KEPT_MAX
from ytmarket.adapters.chains.ton.reader import TRANSACTIONS_MAX, TonReader
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.faults import PATIENT, Fault
from ytmarket.testing.chains.shifted_clock import ShiftedClock
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.chains.ton_wire import SECRET, Wire, opening_by

NO_PACE: Final = 1_000_000
HASTY: Final = 2
FAULTY_PORT: Final = 1
SPARE_PORT: Final = 2
FAULTS: Final = frozenset(Fault) - {Fault.IS_BUSY}  # a lite server does not say when to come back

PAYER: Final = "payer"
THIEF: Final = "thief"
COUNTERFEIT: Final = "counterfeit"
"""A jetton that anybody may call USDT."""


@attrs.frozen
class Person:
    """Somebody with a wallet, and the contract that keeps their USDT."""

    name: str
    address: str
    """As they tell it to others: UQ..."""

    raw: str
    account: str
    """Of their jetton wallet, in its raw form."""


@attrs.define
class TonWorld:
    """The `NodeUnderTest` of the contract. Its readers ask through a `Wire`."""

    sandbox: TonSandbox
    folder: Path
    shop: Person
    payer: Person
    thief: Person
    wire: Wire
    spare: Wire
    """The way to a second lite server, which never fails."""

    clock: ShiftedClock = attrs.field(factory=ShiftedClock)
    timeout: timedelta = PATIENT
    transfers_per_transaction_max: int = 1
    keeps_sums: bool = False
    waits_above: Usdt | None = None
    final_at_once: bool = False
    faults: frozenset[Fault] = FAULTS
    _readers: list[TonReader] = attrs.field(factory=list, init=False)

    @property
    def setting(self) -> str:
        return SETTING

    @property
    def secret(self) -> str:
        return SECRET

    def reader(self) -> TonReader:
        return self.reader_of(self.config(FAULTY_PORT))

    def hasty_reader(self) -> TonReader:
        return self.reader_of(self.config(FAULTY_PORT), transactions=HASTY)

    def reader_with_spare(self) -> TonReader:
        return self.reader_of(self.config(FAULTY_PORT), self.config(SPARE_PORT))

    def reader_of(
        self,
        *configs: str,
        wallet: str | None = None,
        transactions: int = TRANSACTIONS_MAX,
        kept_max: int = KEPT_MAX,
    ) -> TonReader:
        """A reader by these configurations. It is closed with the world."""
        reader = TonReader.connect(
            wallet or self.shop.address,
            configs,
            self.clock,
            calls_per_second=NO_PACE,
            timeout=self.timeout,
            sync_timeout=self.timeout,
            transactions=transactions,
            kept_max=kept_max,
            opening=opening_by({FAULTY_PORT: self.wire, SPARE_PORT: self.spare}),
        )
        self._readers.append(reader)
        return reader

    def config(self, *ports: int, **changes: Any) -> str:
        """The path of a configuration with the lite servers at these ports."""
        names = [f"{name}={value}" for name, value in changes.items()]
        path = self.folder / SECRET / f"{'-'.join([*map(str, ports), *names]) or 'none'}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(config_of(*ports) | changes))
        return str(path)

    async def pay(self, *amounts: Usdt) -> str:
        """Real transfers by the payer to the shop; answers the hash of the last one's arrival."""
        tx_hash = ""
        for amount in amounts:
            (arrival,) = self.arrivals(await self.transfer(amount.micros))
            assert not arrival["aborted"], arrival
            tx_hash = arrival["hash"]
        return tx_hash

    async def transfer(
        self, units: int, *, sender: Person | None = None, to: Person | None = None, **said: Any
    ) -> list[dict[str, Any]]:
        """Somebody's transfer to somebody, the payer's to the shop unless told otherwise.

        Answers every transaction that it leads to.
        """
        sender, to = sender or self.payer, to or self.shop
        done: list[dict[str, Any]] = await self.sandbox.act(
            "transfer", **{"from": sender.name, "to": to.raw, "amount": str(units)}, **said
        )
        return done

    async def send(self, sender: Person, to: str, kind: str, **said: Any) -> list[dict[str, Any]]:
        """A message of any kind from somebody's own wallet."""
        done: list[dict[str, Any]] = await self.sandbox.act(
            "send", **{"from": sender.name, "to": to, "kind": kind}, **said
        )
        return done

    def arrivals(self, done: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of these transactions that are of the shop's jetton wallet."""
        return [one for one in done if one["account"] == self.shop.account]

    async def make_noise(self) -> None:
        units = 5 * 10**DECIMALS
        # Nothing; another token; the same to somebody else; a message and a notification that lie; a text;
        # what is left of fees; plain TON; our own, out, back and to ourselves.
        await self.transfer(0)
        await self.transfer(units, sender=self.thief, jetton=COUNTERFEIT, forward="1")
        await self.transfer(units, to=self.thief)
        for kind in ("internalTransfer", "notification", "comment", "excesses", "empty"):
            for to in (self.shop.account, self.shop.raw):
                await self.send(self.thief, to, kind, amount=str(units), owner=self.payer.raw, text="5 USDT")
        if (held := await self.balance()) > 0:
            await self.transfer(held, sender=self.shop, to=self.shop)
            await self.transfer(held, sender=self.shop, to=self.payer)

    async def balance(self) -> int:
        """How many units the shop holds."""
        return int(await self.sandbox.act("balance", owner=self.shop.raw))

    async def settle(self) -> None:
        await self.sandbox.act("commit")

    async def settle_soon(self) -> None:
        await self.settle()

    def outage(self) -> AbstractAsyncContextManager[None]:
        return self.failing(Fault.HANGS_UP)

    @asynccontextmanager
    async def failing(self, fault: Fault) -> AsyncIterator[None]:
        """The lite server has this fault inside the block."""
        with self.wire.having(fault):
            yield

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()


def config_of(*ports: int) -> dict[str, Any]:
    """A configuration of mainnet, but with the lite servers at these ports of this machine."""
    root_hash, file_hash = ZERO_STATE
    state = {"workchain": -1, "shard": -(2**63), "seqno": 0, "root_hash": root_hash, "file_hash": file_hash}
    key = {"@type": "pub.ed25519", "key": "A" * 43 + "="}
    return {
        "@type": "config.global",
        "dht": {"@type": "dht.config.global"},
        "liteservers": [{"ip": 0x7F000001, "port": port, "id": key} for port in ports],
        "validator": {"@type": "validator.config.global", "zero_state": state, "init_block": state},
    }


async def new_person(sandbox: TonSandbox, name: str) -> Person:
    """Somebody by this name; the same name is the same person."""
    return Person(name=name, **await sandbox.act("person", name=name))


@asynccontextmanager
async def new_ton_world(sandbox: TonSandbox) -> AsyncIterator[TonWorld]:
    """A shop of its own on this chain, whose wallet nobody has paid to yet."""
    with TemporaryDirectory() as folder:
        world = TonWorld(
            sandbox,
            Path(folder),
            shop=await new_person(sandbox, f"shop {sandbox.next_number()}"),
            payer=await new_person(sandbox, PAYER),
            thief=await new_person(sandbox, THIEF),
            wire=Wire(sandbox),
            spare=Wire(sandbox),
        )
        try:
            yield world
        finally:
            await world.close()
