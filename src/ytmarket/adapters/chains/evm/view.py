"""One node's view of a chain, seen from our wallet: its newest blocks, and payments in a row of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import attrs
import msgspec

from ytmarket.adapters.chains.evm.asking import in_batches
from ytmarket.adapters.chains.evm.chains import EvmChain
from ytmarket.adapters.chains.evm.node import EvmNode
from ytmarket.adapters.chains.evm.rpc import Call
from ytmarket.adapters.chains.evm.transfers import (
    amount_of,
    deposit_of,
    is_expense,
    is_payment,
    place_of,
    was_asked_for,
)
from ytmarket.adapters.chains.evm.wire import (
    BALANCE_SELECTOR,
    DECIMALS_SELECTOR,
    Header,
    Hex,
    Log,
    Quantity,
    Topics,
    Word,
    logs_with,
    padded,
    read_as,
    topics_from,
    topics_to,
)
from ytmarket.application.ports.chain_reader import ChainMisconfigured, ReaderError
from ytmarket.domain.deposits import Deposit

LAG_BLOCKS_MAX: Final = 3_600
"""A quarter of an hour of the quickest chain. What a node lacks further below its newest block is gone."""

T = TypeVar("T")


@attrs.frozen
class Window:
    """Some blocks in a row: the first, the last, and the payments in all of them, in chain order."""

    first: Header
    last: Header
    payments: Sequence[Log]


@attrs.frozen
class Flows:
    """Some blocks in a row: the first, the last, and how much came in and went out in all of them."""

    first: Header
    last: Header
    incoming: int
    outgoing: int


@attrs.frozen
class View:
    """Every answer is checked against what was asked; one that makes no sense is `ChainUnavailable`."""

    node: EvmNode
    chain: EvmChain
    wallet: str

    @classmethod
    async def checked(cls, node: EvmNode, chain: EvmChain, wallet: str) -> Self:
        """The view of a node that was seen to be of this chain. Raises `ChainMisconfigured`."""
        view = cls(node, chain, wallet)
        await view.check()
        return view

    async def check(self) -> None:
        """See once that the node is of this chain, and the token what we take it for.

        Raises `ChainMisconfigured` naming the setting.
        """
        if self.node.is_checked:
            return
        chain_id = self._as(Quantity, *await self.node.ask(Call("eth_chainId")))
        if chain_id != self.chain.chain_id:
            raise self._misconfigured(f"is of chain {chain_id}, not {self.chain.chain_id}")
        token = self.chain.token
        decimals = Call("eth_call", ({"to": token, "data": DECIMALS_SELECTOR}, "latest"))
        code, answer = await self.node.ask(Call("eth_getCode", (token, "latest")), decimals)
        if self._as(Hex, code) == "0x":
            raise await self._lacks_token()
        if (places := self._as(Word, answer).number) != self.chain.decimals:
            raise self._misconfigured(f"gives {token} {places} decimals, not {self.chain.decimals}")
        self.node.is_checked = True

    async def tips(self, *tags: str) -> Sequence[Header]:
        """The blocks that bear these tags now: `latest`, `finalized`. Raises `ChainBehind`."""
        answers = await self.node.ask(*(_block(tag) for tag in tags))
        headers = [self._header(tag, answer) for tag, answer in zip(tags, answers, strict=True)]
        self.node.newest = max(header.number for header in headers)
        return headers

    async def headers(self, numbers: Iterable[int]) -> dict[int, Header]:
        """These blocks. Raises `ChainBehind` for one that is not known yet, `ChainGap` for one no more."""
        found = await in_batches(self.node, self._headers, sorted(set(numbers)), calls=1)
        return {int(header.number): header for header in found}

    async def window(self, first: int, last: int) -> Window:
        """These blocks, both included, in one batch with their transfers.

        A node that has not got so far answers a request for logs with an empty list, and with no
        error; that it knows the last block tells that it can answer for it. Raises `TooWide`.
        """
        bottom, top, logs = await self.node.ask(
            _block(hex(first)), _block(hex(last)), self._logs(first, last, topics_to(self.wallet))
        )
        return self._window(self._numbered(first, bottom), self._numbered(last, top), logs)

    async def windows(self, numbers: Sequence[int]) -> Sequence[Window]:
        """Blocks far apart, each with its transfers."""
        return await in_batches(self.node, self._windows, numbers, calls=2)

    def deposits(self, payments: Sequence[Log], headers: Mapping[int, Header]) -> list[Deposit]:
        """The payments as deposits, each of the block that the chain has under its number."""
        for payment in payments:
            if payment.block_hash != headers[payment.block_number].hash:
                raise self.node.unavailable(f"does not agree with itself on block {payment.block_number}")
        return [deposit_of(log, headers[log.block_number], self.chain, self.wallet) for log in payments]

    async def flows(self, first: int, last: int) -> Flows:
        """What came in and went out in these blocks, both included. Raises `TooWide`.

        In two batches, each with the last block, as some nodes take no more than three calls at once.
        """
        window, from_us = await self.window(first, last), topics_from(self.wallet)
        top, went = await self.node.ask(_block(hex(last)), self._logs(first, last, from_us))
        if self._numbered(last, top).hash != window.last.hash:
            raise self.node.unavailable(f"does not agree with itself on block {last}")
        outgoing = self._checked(went, from_us, window.first, window.last)
        return Flows(
            window.first,
            window.last,
            incoming=sum(map(amount_of, window.payments)),
            outgoing=sum(amount_of(log) for log in outgoing if is_expense(log, self.wallet)),
        )

    async def balance(self, number: int) -> tuple[Header, int]:
        """A block, and what the wallet held as of it. Raises `ChainGap` where the node has forgotten."""
        question = {"to": self.chain.token, "data": BALANCE_SELECTOR + padded(self.wallet)}
        block, held = await self.node.ask(_block(hex(number)), Call("eth_call", (question, hex(number))))
        return self._numbered(number, block), self._as(Word, held).number

    async def _headers(self, numbers: Sequence[int]) -> Sequence[Header]:
        answers = await self.node.ask(*(_block(hex(number)) for number in numbers))
        return [self._numbered(*asked) for asked in zip(numbers, answers, strict=True)]

    async def _windows(self, numbers: Sequence[int]) -> Sequence[Window]:
        to_us = topics_to(self.wallet)
        answers = await self.node.ask(
            *(call for number in numbers for call in (_block(hex(number)), self._logs(number, number, to_us)))
        )
        blocks = [self._numbered(*asked) for asked in zip(numbers, answers[::2], strict=True)]
        return [self._window(block, block, logs) for block, logs in zip(blocks, answers[1::2], strict=True)]

    def _logs(self, first: int, last: int, topics: Topics) -> Call:
        return Call("eth_getLogs", (logs_with(self.chain.token, topics, first, last),))

    def _window(self, first: Header, last: Header, answer: Any) -> Window:
        logs = self._checked(answer, topics_to(self.wallet), first, last)
        payments = [log for log in sorted(logs, key=place_of) if is_payment(log, self.wallet)]
        return Window(first, last, payments)

    def _checked(self, answer: Any, topics: Topics, first: Header, last: Header) -> Sequence[Log]:
        logs = self._as(list[Log], answer)
        for log in logs:
            is_inside = first.number <= log.block_number <= last.number
            if not is_inside or not was_asked_for(log, self.chain, topics):
                # Who answers what was not asked for may as well leave out what was.
                raise self.node.unavailable("answered with transfers that nobody asked for")
        if len({place_of(log) for log in logs}) != len(logs):
            raise self.node.unavailable("answered with the same transfer twice")
        return logs

    async def _lacks_token(self) -> ReaderError:
        """A node that still fetches the chain has no token yet; any other is of another chain."""
        (newest,) = await self.tips("latest")
        what = f"has no contract at {self.chain.token}"
        if self.node.age(newest.at) > self.chain.stale_after:
            return self.node.behind(f"{what} yet, at block {newest.number} of {newest.at:%Y-%m-%d %H:%M:%S}")
        return self._misconfigured(what)

    def _numbered(self, number: int, answer: Any) -> Header:
        if answer is None and self.node.newest - number > LAG_BLOCKS_MAX:
            wish = f"name a node that keeps older blocks in {self.chain.setting}"
            raise self.node.gap(f"does not know block {number}: {wish}")
        header = self._header(str(number), answer)
        if header.number != number:
            raise self.node.unavailable(f"was asked for block {number} and answered {header.number}")
        return header

    def _header(self, which: str, answer: Any) -> Header:
        if answer is None:
            raise self.node.behind(f"does not know block {which}")
        return self._as(Header, answer)

    def _as(self, kind: type[T], answer: Any) -> T:
        try:
            return read_as(kind, answer)
        except msgspec.ValidationError as error:
            raise self.node.unavailable(f"answered what makes no sense: {error}") from None

    def _misconfigured(self, what: str) -> ChainMisconfigured:
        chain = self.chain
        wanted = f"{chain.setting} needs nodes of {chain.network}, chain {chain.chain_id}"
        return ChainMisconfigured(f"{self.node.endpoint} {what}: {wanted}")


def _block(which: str) -> Call:
    return Call("eth_getBlockByNumber", (which, False))
