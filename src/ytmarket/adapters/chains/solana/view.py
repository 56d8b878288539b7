"""One node's view of Solana, seen from our token account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
from solders.clock import Clock as ClusterClock
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount

from ytmarket.adapters.chains.solana.chain import (
    CLOCK,
    DECIMALS,
    GENESIS,
    MINT,
    NETWORK,
    SETTING,
    TOKEN_PROGRAM,
    TOKEN_PROGRAM_2022,
    WALLET_SETTING,
)
from ytmarket.adapters.chains.solana.node import SolanaNode
from ytmarket.adapters.chains.solana.wallet import Wallet
from ytmarket.adapters.chains.solana.wire import (
    SECONDS_END,
    Account,
    Accounts,
    Executed,
    Listed,
    OwnedAccounts,
)
from ytmarket.application.ports.chain_auditor import StrayAccount
from ytmarket.application.ports.chain_reader import ChainBehind, ChainMisconfigured
from ytmarket.domain.times import from_epoch

FINALIZED: Final = {"commitment": "finalized"}
NEWEST_VERSION: Final = 0


@attrs.frozen
class Tip:
    """The newest final slot that a node knows, and its time."""

    slot: int
    at: datetime

    def is_stale(self, now: datetime, after: timedelta) -> bool:
        return now - self.at > after


@attrs.frozen
class View:
    """Every answer is checked against what was asked; one that makes no sense is `ChainUnavailable`."""

    node: SolanaNode
    wallet: Wallet

    async def check(self) -> None:
        """See once that the node is of mainnet, the token what we take it for, and the wallet a wallet.

        Raises `ChainMisconfigured` naming the setting.
        """
        if self.node.is_checked:
            return
        genesis = await self.node.ask(str, "getGenesisHash")
        if genesis != GENESIS:
            raise self._misconfigured(f"is of the cluster {genesis[:44]}")
        mint, owner, account = await self._accounts(MINT, self.wallet.owner, self.wallet.account)
        self._check_mint(mint)
        self._check_wallet(owner, account)
        self.node.is_checked = True

    async def tip(self) -> Tip:
        """The newest final slot, from the clock that the cluster itself keeps."""
        (account,) = await self._accounts(CLOCK)
        if account is None:
            raise self.node.unavailable("has no clock")
        clock = self._parsed(ClusterClock, account)
        if not 0 < clock.unix_timestamp < SECONDS_END:
            raise self.node.unavailable("has a clock that shows no time")
        return Tip(clock.slot, from_epoch(clock.unix_timestamp))

    async def listing(self, tip: Tip, before: str | None, limit: int) -> Sequence[Listed]:
        """Final transactions that name our account, newest first, after the one called *before*.

        Raises `ChainBehind` when whoever answers has not got as far as the tip.
        """
        options: dict[str, Any] = {**FINALIZED, "limit": limit, "minContextSlot": tip.slot}
        if before is not None:
            options["before"] = before
        account = str(self.wallet.account)
        listed = await self.node.ask(list[Listed], "getSignaturesForAddress", account, options)
        slots = [one.slot for one in listed]
        if len(listed) > limit or slots != sorted(slots, reverse=True):
            raise self.node.unavailable("lists transactions in no order")
        if len({one.signature for one in listed}) != len(listed):
            raise self.node.unavailable("lists the same transaction twice")
        return listed

    async def first_available(self) -> int:
        """The oldest slot whose transactions the node still has."""
        return await self.node.ask(int, "getFirstAvailableBlock")

    async def transaction(self, listed: Listed) -> Executed:
        """What this transaction did. Raises `ChainBehind` where the node does not know it yet."""
        options = {**FINALIZED, "encoding": "json", "maxSupportedTransactionVersion": NEWEST_VERSION}
        answer = await self.node.call("getTransaction", listed.signature, options)
        if answer is None:
            raise self.node.behind(f"lists transaction {listed.signature} and does not know it")
        executed = self.node.read_as(Executed, answer)
        if (executed.slot, executed.transaction.signatures[0]) != (listed.slot, listed.signature):
            raise self.node.unavailable("answered with another transaction than was asked for")
        return executed

    async def strays(self) -> Sequence[StrayAccount]:
        """Our wallet's other accounts of the token that hold some of it."""
        options = {**FINALIZED, "encoding": "base64"}
        owner, mint = str(self.wallet.owner), {"mint": str(MINT)}
        answer = await self.node.ask(OwnedAccounts, "getTokenAccountsByOwner", owner, mint, options)
        found = []
        for owned in answer.value:
            token = self._parsed(TokenAccount, owned.account)
            if (token.owner, token.mint) != (self.wallet.owner, MINT):
                raise self.node.unavailable("answered with an account that nobody asked for")
            if owned.pubkey != str(self.wallet.account) and token.amount > 0:
                found.append(StrayAccount(address=owned.pubkey, balance=token.amount))
        return sorted(found, key=lambda stray: stray.address)

    def stands_still(self, tip: Tip) -> ChainBehind:
        """The trouble with a node that has stopped: what it still has to tell, another tells sooner."""
        return self.node.behind(f"stands at slot {tip.slot} of {tip.at:%Y-%m-%d %H:%M:%S}")

    async def _accounts(self, *addresses: Pubkey) -> list[Account | None]:
        options = {**FINALIZED, "encoding": "base64"}
        wanted = [str(address) for address in addresses]
        answer = await self.node.ask(Accounts, "getMultipleAccounts", wanted, options)
        if len(answer.value) != len(addresses):
            raise self.node.unavailable("answered with another number of accounts than was asked for")
        return answer.value

    def _check_mint(self, account: Account | None) -> None:
        if account is None or account.owner != str(TOKEN_PROGRAM):
            raise self._misconfigured(f"has no token at {MINT}")
        decimals = self._parsed(Mint, account).decimals
        if decimals != DECIMALS:
            raise self._misconfigured(f"gives {MINT} {decimals} decimals, not {DECIMALS}")

    def _check_wallet(self, owner: Account | None, account: Account | None) -> None:
        if owner is not None and owner.owner in {str(TOKEN_PROGRAM), str(TOKEN_PROGRAM_2022)}:
            raise ChainMisconfigured(
                f"{WALLET_SETTING} needs a wallet, and {self.wallet} is of a token program: name its owner"
            )
        if account is None:
            return  # the first who pays opens it
        holder = self._parsed(TokenAccount, account).owner
        if holder != self.wallet.owner:
            raise ChainMisconfigured(
                f"the token account of {self.wallet} has been made over to {holder}:"
                f" name another wallet in {WALLET_SETTING}"
            )

    def _parsed(self, kind: Any, account: Account) -> Any:
        try:
            return kind.from_bytes(account.content)
        except ValueError as error:
            raise self.node.unavailable(f"answered with an account that makes no sense: {error}") from None

    def _misconfigured(self, what: str) -> ChainMisconfigured:
        wanted = f"{SETTING} needs nodes of {NETWORK}, the cluster {GENESIS}"
        return ChainMisconfigured(f"{self.node.endpoint} {what}: {wanted}")
