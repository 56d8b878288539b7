"""One node's view of TRON: the last solid block, and payments in blocks below it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Self, TypeVar

import attrs

from ytmarket.adapters.chains.tron.chain import TronChain
from ytmarket.adapters.chains.tron.node import TronNode
from ytmarket.adapters.chains.tron.transfers import Contradiction, Filter, Moved
from ytmarket.adapters.chains.tron.wallet import NOBODY, Address
from ytmarket.adapters.chains.tron.wire import WORD_CHARS, Answer, Block, Header, Info, Verdict
from ytmarket.application.ports.chain_reader import ChainMisconfigured, ReaderError
from ytmarket.domain.times import from_epoch

LAG_BLOCKS_MAX: Final = 300
"""A quarter of an hour. What a node lacks further below its head it has not lost sight of: it is gone."""

AT_ONCE: Final = 8
INFOS: Final = "walletsolidity/gettransactioninfobyblocknum"

H = TypeVar("H", bound=Header)


@attrs.frozen
class ReadBlock:
    """A block, and what it moved to our wallet and from it."""

    header: Header
    moved: Moved


@attrs.frozen
class View:
    """Only `walletsolidity` is asked: blocks that two thirds of the producers have built upon.

    Every answer is checked against what was asked; one that makes no sense is `ChainUnavailable`.
    """

    node: TronNode
    filter: Filter

    @classmethod
    async def checked(cls, node: TronNode, chain: TronChain, wallet: Address) -> Self:
        """The view of a node that was seen to be of this chain. Raises `ChainMisconfigured`."""
        view = cls(node, Filter.of(chain, wallet))
        await view.check()
        return view

    async def check(self) -> None:
        """See once that the node is of this chain, and the token what we take it for.

        Raises `ChainMisconfigured` naming the setting.
        """
        if self.node.is_checked:
            return
        chain = self.filter.chain
        first = await self.node.ask(Header, "walletsolidity/getblockbynum", num=0)
        if first is None:
            raise self.node.unavailable("does not know the chain's first block")
        if first.id != chain.genesis:
            raise self._misconfigured(f"is of the chain that begins with {first.id}")
        places = await self._decimals()
        if places != chain.decimals:
            raise self._misconfigured(f"gives {chain.token} {places} decimals, not {chain.decimals}")
        self.node.is_checked = True

    async def head(self) -> Header:
        """The last solid block."""
        header = await self.node.ask(Header, "walletsolidity/getnowblock")
        if header is None:
            raise self.node.behind("knows no solid block yet")
        return self._sane(header)

    async def header(self, number: int, head: Header) -> Header:
        """A block without its payments. Raises `ChainBehind` or `ChainGap` where the node lacks it."""
        return await self._get(Header, number, head)

    async def blocks(self, numbers: Sequence[int], head: Header) -> list[ReadBlock]:
        """These blocks, each whole. Raises `ChainBehind` or `ChainGap` where the node lacks one."""
        found = list[ReadBlock]()
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE]
            tasks = (self._block(number, head) for number in some)
            # All are waited for, so that nothing is left running behind a trouble.
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                found.append(outcome)
        return found

    async def receipt(self, tx_hash: str) -> Info | None:
        """What a transaction did; None where the node does not know it."""
        return await self.node.ask(Info, "walletsolidity/gettransactioninfobyid", value=tx_hash)

    async def any_transfer(self, number: int) -> Sequence[str] | None:
        """The topics of some transfer of the token in this block, whoever paid whom; None without one."""
        infos = await self.node.ask(list[Info], INFOS, num=number) or []
        try:
            found = (log.topics for info in infos for log in info.log if self.filter.is_transfer(log))
            return next(found, None)
        except Contradiction as contradiction:
            raise self.node.unavailable(str(contradiction)) from None

    async def _block(self, number: int, head: Header) -> ReadBlock:
        block = await self._get(Block, number, head)
        infos = await self.node.ask(list[Info], INFOS, num=number) or []
        # For a block it does not know a node answers with an empty list, and with no error.
        if len(infos) != len(block.transactions):
            counts = f"{len(infos)} receipts of {len(block.transactions)} transactions"
            raise self._lack(f"gives {counts} in block {number}", number, head)
        try:
            return ReadBlock(block, self.filter.read(block, infos))
        except Contradiction as contradiction:
            raise self.node.unavailable(str(contradiction)) from None

    async def _get(self, kind: type[H], number: int, head: Header) -> H:
        header = await self.node.ask(kind, "walletsolidity/getblockbynum", num=number)
        if header is None:
            raise self._lack(f"does not know block {number}", number, head)
        if self._sane(header).number != number:
            raise self.node.unavailable(f"was asked for block {number} and answered {header.number}")
        return header

    async def balance(self) -> int:
        """What the wallet holds as of the last solid block, whichever that is."""
        return await self._call("balanceOf(address)", self.filter.wallet.word)

    async def _decimals(self) -> int:
        return await self._call("decimals()")

    async def _call(self, function: str, parameter: str = "") -> int:
        """What a function of the token answers. Raises `ChainMisconfigured` where there is no token."""
        token = self.filter.token
        answer = await self.node.ask(
            Answer,
            "walletsolidity/triggerconstantcontract",
            owner_address=NOBODY.full,
            contract_address=token.full,
            function_selector=function,
            parameter=parameter,
        )
        verdict = Verdict() if answer is None else answer.result
        if "not exist" in verdict.words:
            raise await self._lacks_token()
        words = () if answer is None else answer.constant_result
        if len(words) != 1 or len(words[0]) != WORD_CHARS:
            said = f", saying {self.node.quote(verdict.words)}" if verdict.words else ""
            raise self.node.unavailable(f"did not tell {function} of {token.text}{said}")
        return int(words[0], 16)

    async def _lacks_token(self) -> ReaderError:
        """A node that still fetches the chain has no token yet; any other is of another chain."""
        head = await self.head()
        what = f"has no contract at {self.filter.token.text}"
        if self.node.age(from_epoch(head.seconds)) > self.filter.chain.stale_after:
            return self.node.behind(f"{what} yet, at {head}")
        return self._misconfigured(what)

    def _sane(self, header: Header) -> Header:
        if not header.is_sane:
            raise self.node.unavailable(f"gives block {header.number} the id {header.id}")
        return header

    def _lack(self, what: str, number: int, head: Header) -> ReaderError:
        if head.number - number <= LAG_BLOCKS_MAX:
            return self.node.behind(what)
        return self.node.gap(f"{what}: name a node that keeps older blocks in {self.node.endpoint.setting}")

    def _misconfigured(self, what: str) -> ChainMisconfigured:
        chain = self.filter.chain
        wanted = f"{chain.setting} needs nodes of {chain.network}, whose first block is {chain.genesis}"
        return ChainMisconfigured(f"{self.node.endpoint} {what}: {wanted}")
