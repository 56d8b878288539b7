"""One lite server's view of TON, seen from our jetton wallet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
from pytonlib.utils.tlb import Slice, TokenData

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.adapters.chains.ton.cells import CellReader, cell_of_text, text_of_address
from ytmarket.adapters.chains.ton.chain import DECIMALS, MASTER, WALLET_SETTING, ZERO_STATE
from ytmarket.adapters.chains.ton.server import LiteServer, Missing
from ytmarket.adapters.chains.ton.transfers import BEGINNING, Executed, Link, read_executed
from ytmarket.adapters.chains.ton.wallet import Wallet
from ytmarket.adapters.chains.ton.wire import (
    AccountState,
    MasterchainInfo,
    RawTransaction,
    RawTransactions,
    RunResult,
    StackCell,
    TransactionId,
)
from ytmarket.application.ports.chain_reader import ChainBehind, ChainMisconfigured
from ytmarket.domain.times import from_epoch

CONTENT_PLACE: Final = 3
"""Of what the master tells of the token: its supply, whether more can be made, by whom, and this."""

JETTON_WALLET_ANSWERS: Final = 4
"""What a jetton wallet tells of itself: balance, owner, master, code."""


@attrs.frozen
class Tip:
    """Our jetton wallet's newest transaction that is final, and the time up to which that is so."""

    link: Link
    at: datetime

    def is_stale(self, now: datetime, after: timedelta) -> bool:
        return now - self.at > after


@attrs.frozen
class View:
    """Every answer is checked against what was asked; one that makes no sense is `ChainUnavailable`."""

    server: LiteServer
    wallet: Wallet
    account: Address
    """Our jetton wallet."""

    @classmethod
    async def of(cls, server: LiteServer, wallet: Wallet) -> View:
        """See once that the chain is mainnet, the token what we take it for, and the wallet a wallet.

        Raises `ChainMisconfigured` naming the setting.
        """
        if server.account is None:
            await _check_chain(server)
            await _check_token(server)
            await _check_wallet(server, wallet)
            server.account = await _jetton_wallet(server, wallet)
        return cls(server, wallet, server.account)

    async def tip(self) -> Tip:
        """How our jetton wallet stands in the newest block that the masterchain has taken in.

        The time is that of the block of its own part of the chain: a later one would promise too much.
        """
        try:
            state = await self.server.ask(AccountState, "raw_get_account_state", str(self.account))
        except Missing as trouble:
            raise ChainBehind(str(trouble)) from None
        return Tip(_link_of(state.last_transaction_id), from_epoch(state.sync_utime))

    async def transactions(self, newest: Link, *, is_first: bool) -> Sequence[Executed]:
        """The transaction that is meant and some before it, newest first, none left out.

        Raises `ChainGap` where the lite server has thrown them away. That it has not even got what it
        has just told of as the newest means that several servers answer, and this one lags.
        """
        link_hash, account = newest.hash, str(self.account)
        try:
            found = await self.server.ask(
                RawTransactions, "raw_get_transactions", account, str(newest.lt), link_hash
            )
        except Missing as trouble:
            if is_first:
                raise ChainBehind(str(trouble)) from None
            raise self.server.gap(
                f"has no transactions from before {newest.lt} any more: name one that keeps all of them"
                f" in {self.server.endpoint.setting}"
            ) from None
        chain, expected = list[Executed](), newest
        for raw in found.transactions:
            if _link_of(raw.transaction_id) != expected:
                raise self.server.unavailable("gives transactions that do not follow one another")
            executed = self._executed(raw, expected)
            chain.append(executed)
            expected = executed.before
        return chain

    def stands_still(self, tip: Tip) -> ChainBehind:
        """The trouble with one that has stopped: what it still has to tell, another tells sooner."""
        return self.server.behind(f"stands at {tip.at:%Y-%m-%d %H:%M:%S}")

    def _executed(self, raw: RawTransaction, link: Link) -> Executed:
        try:
            executed = read_executed(raw.data, link, self.account, self.wallet)
        except ValueError as error:
            raise self.server.unavailable(f"gives a transaction that makes no sense: {error}") from None
        if executed.before.lt >= link.lt:
            raise self.server.unavailable("gives a transaction that comes before itself")
        return executed


def _link_of(found: TransactionId) -> Link:
    return Link(int(found.lt), found.hex) if int(found.lt) else BEGINNING


async def _check_chain(server: LiteServer) -> None:
    info = await server.ask(MasterchainInfo, "get_masterchain_info")
    if (info.init.root_hash, info.init.file_hash) != ZERO_STATE:
        raise server.misconfigured(f"is of the chain that begins with {info.init.root_hash}")


async def _check_token(server: LiteServer) -> None:
    answer = await _run(server, MASTER, "get_jetton_data")
    if answer.exit_code != 0 or len(answer.stack) <= CONTENT_PLACE:
        raise server.misconfigured(f"has no token at {MASTER}")
    stated = _stated_decimals(_cell_at(server, answer, CONTENT_PLACE))
    if stated not in {None, str(DECIMALS)}:
        raise server.misconfigured(f"gives {MASTER} {stated} decimals, not {DECIMALS}")


async def _check_wallet(server: LiteServer, wallet: Wallet) -> None:
    answer = await _run(server, wallet.owner, "get_wallet_data")
    if answer.exit_code == 0 and len(answer.stack) == JETTON_WALLET_ANSWERS:
        raise ChainMisconfigured(
            f"{WALLET_SETTING} needs a wallet, and {wallet} is a jetton wallet itself: name its owner"
        )


async def _jetton_wallet(server: LiteServer, wallet: Wallet) -> Address:
    owner = ["tvm.Slice", text_of_address(wallet.owner)]
    answer = await _run(server, MASTER, "get_wallet_address", owner)
    if answer.exit_code != 0 or len(answer.stack) != 1:
        raise server.misconfigured(f"has no token at {MASTER}")
    try:
        account = CellReader.of_text(_cell_at(server, answer, 0)).address()
    except ValueError as error:
        raise server.unavailable(f"gives an address that makes no sense: {error}") from None
    if account is None:
        raise server.unavailable("gives nobody's address for our jetton wallet")
    return account


async def _run(server: LiteServer, contract: Address, method: str, *stack: Any) -> RunResult:
    try:
        return await server.ask(RunResult, "raw_run_method", str(contract), method, list(stack))
    except Missing as trouble:
        raise ChainBehind(str(trouble)) from None


def _cell_at(server: LiteServer, answer: RunResult, place: int) -> str:
    return server.read_as(StackCell, answer.stack[place][1]).bytes


def _stated_decimals(content: str) -> str | None:
    """What the token says of itself on chain; None where it says it elsewhere, or not at all."""
    try:
        stated = TokenData(Slice(cell_of_text(content))).data.get("decimals")
    except Exception:  # noqa: BLE001 - texts of all kinds stand there, and the library expects its own
        return None
    return None if stated is None else str(stated)
