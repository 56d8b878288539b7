"""What java-tron answers, read strictly: whatever does not fit is refused, never guessed at.

It leaves out fields that are zero or empty, so those have defaults here.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from ytmarket.domain.times import from_epoch

TRANSFER: Final = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The first topic of every TRC-20 transfer: the hash of `Transfer(address,address,uint256)`."""

SUCCESS: Final = "SUCCESS"
FAILED: Final = "FAILED"
MILLISECONDS_END: Final = 1_000 * 2**35
"""No chain lives past the year 3058, and no date past the year 9999."""

WORD_CHARS: Final = 64
NUMBER_CHARS: Final = 16

Word = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Body = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{40}\Z")]
Digits = Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{2})*\Z")]
Height = Annotated[int, msgspec.Meta(ge=0)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, lt=MILLISECONDS_END)]


class RawHeader(msgspec.Struct, frozen=True):
    """What a block's producer signs."""

    parent_hash: Word = msgspec.field(name="parentHash")
    number: Height = 0
    timestamp: Milliseconds = 0


class SignedHeader(msgspec.Struct, frozen=True):
    """The header, beside a signature that is not read."""

    raw_data: RawHeader


class Header(msgspec.Struct, frozen=True):
    """A block without what is in it."""

    block_header: SignedHeader
    id: Word = msgspec.field(name="blockID")

    @property
    def number(self) -> int:
        return self.block_header.raw_data.number

    @property
    def parent(self) -> str:
        return self.block_header.raw_data.parent_hash

    @property
    def seconds(self) -> int:
        """Unix time."""
        return self.block_header.raw_data.timestamp // 1_000

    @property
    def is_sane(self) -> bool:
        """A block's id begins with its number."""
        return int(self.id[:NUMBER_CHARS], 16) == self.number

    def __str__(self) -> str:
        return f"block {self.number} of {from_epoch(self.seconds):%Y-%m-%d %H:%M:%S}"


class Outcome(msgspec.Struct, frozen=True):
    """How a transaction ended, as the block has it."""

    contract_ret: str = msgspec.field(name="contractRet", default="")


class Transaction(msgspec.Struct, frozen=True):
    """A transaction in a block: of it, only that it is there."""

    id: Word = msgspec.field(name="txID")
    ret: tuple[Outcome, ...] = ()

    @property
    def succeeded(self) -> bool:
        return bool(self.ret) and all(outcome.contract_ret == SUCCESS for outcome in self.ret)


class Block(Header, frozen=True):
    """A block with its transactions."""

    transactions: tuple[Transaction, ...] = ()


class Log(msgspec.Struct, frozen=True):
    """An event that a contract emitted."""

    address: Body
    topics: tuple[Word, ...] = ()
    data: Digits = ""


class Receipt(msgspec.Struct, frozen=True):
    """What running a contract came to; empty for a transaction that runs none."""

    result: str = ""


class Info(msgspec.Struct, frozen=True):
    """What a transaction did."""

    id: Word
    number: Height = msgspec.field(name="blockNumber", default=0)
    timestamp: Milliseconds = msgspec.field(name="blockTimeStamp", default=0)
    receipt: Receipt = Receipt()
    result: str = ""
    log: tuple[Log, ...] = ()

    @property
    def succeeded(self) -> bool:
        return self.receipt.result == SUCCESS and self.result != FAILED

    @property
    def seconds(self) -> int:
        """Unix time of its block."""
        return self.timestamp // 1_000


class Verdict(msgspec.Struct, frozen=True):
    """Whether a question to a contract could be asked."""

    code: str = ""
    message: str = ""

    @property
    def words(self) -> str:
        """The message, which comes in hexadecimal most of the time."""
        try:
            return bytes.fromhex(self.message).decode()
        except ValueError:
            return self.message


class Answer(msgspec.Struct, frozen=True):
    """What a contract answered."""

    result: Verdict = Verdict()
    constant_result: tuple[Digits, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """An error, which comes with HTTP status 200 as often as not."""

    error: str | None = msgspec.field(name="Error", default=None)
