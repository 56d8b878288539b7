"""From what a transaction did to a deposit: by how much the balance of our token account rose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ytmarket.adapters.chains.solana.chain import DECIMALS, MINT, NETWORK
from ytmarket.adapters.chains.solana.node import SolanaNode
from ytmarket.adapters.chains.solana.wallet import Wallet
from ytmarket.adapters.chains.solana.wire import Executed, Outcome, TokenBalance
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.times import from_epoch

Balances = Mapping[int, TokenBalance]


@attrs.frozen
class Reckoning:
    """Balances of the token before and after one transaction, each by the place of its account."""

    before: Balances
    after: Balances

    def gain(self, place: int) -> int:
        """By how many units the account rose; below 0 where it fell."""
        return _units(self.after, place) - _units(self.before, place)

    def payer(self, wallet: Wallet) -> str | None:
        """The owner of the account that fell most; ours does not count."""
        losses = [
            (self.gain(place), place, balance.owner)
            for place, balance in self.before.items()
            if balance.owner not in {None, str(wallet)}
        ]
        loss, _, owner = min(losses, default=(0, 0, None))
        return owner if loss < 0 else None


def deposit_of(executed: Executed, wallet: Wallet, node: SolanaNode) -> Deposit | None:
    """The sum that reached the wallet, if any did, in a transaction that did not fail.

    A balance counts whichever way the token was moved, by any program and in any number of steps,
    where instructions would have to be understood one kind after another. Raises `ReaderError` for
    an answer that cannot tell.
    """
    outcome, block_time = executed.meta, executed.block_time
    if outcome is None or block_time is None:
        raise node.behind("does not know yet what came of a transaction that it lists")
    if outcome.err is not None:
        raise node.unavailable("does not agree with itself on whether a transaction failed")
    keys, account = executed.keys, str(wallet.account)
    if keys.count(account) != 1:
        raise node.unavailable("lists a transaction that does not name our account")
    place = keys.index(account)
    reckoning = _reckoning(outcome, node)
    gain = reckoning.gain(place)
    if gain <= 0 or reckoning.after[place].owner != str(wallet):
        return None
    return Deposit(
        network=NETWORK,
        tx_hash=executed.transaction.signatures[0],
        event_index=0,
        sender=reckoning.payer(wallet),
        recipient=str(wallet),
        raw=gain,
        decimals=DECIMALS,
        height=executed.slot,
        block_ref="",
        at=from_epoch(block_time),
    )


def _reckoning(outcome: Outcome, node: SolanaNode) -> Reckoning:
    if outcome.pre_token_balances is None or outcome.post_token_balances is None:
        raise node.gap(
            f"keeps no token balances of transactions: name a node that does in {node.endpoint.setting}"
        )
    before = _of_token(outcome.pre_token_balances)
    after = _of_token(outcome.post_token_balances)
    if any(balance.ui_token_amount.decimals != DECIMALS for balance in [*before.values(), *after.values()]):
        raise node.unavailable(f"gives a balance of {MINT} with other decimals than {DECIMALS}")
    return Reckoning(before, after)


def _of_token(balances: Sequence[TokenBalance]) -> Balances:
    return {balance.account_index: balance for balance in balances if balance.mint == str(MINT)}


def _units(balances: Balances, place: int) -> int:
    balance = balances.get(place)
    return 0 if balance is None else balance.units
