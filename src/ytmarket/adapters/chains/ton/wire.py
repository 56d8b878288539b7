"""What tonlib answers, read strictly: whatever does not fit is refused, never guessed at."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Final

import msgspec

SECONDS_END: Final = 2**32
"""TON counts the seconds since 1970 in 32 bits."""

Hash = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{43}=$")]
UnixTime = Annotated[int, msgspec.Meta(gt=0, lt=SECONDS_END)]
LogicalTime = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,19}$")]


class TransactionId(msgspec.Struct, frozen=True):
    """A transaction of an account, by its logical time and its hash."""

    lt: LogicalTime
    hash: Hash

    @property
    def hex(self) -> str:
        return base64.b64decode(self.hash).hex()


class AccountState(msgspec.Struct, frozen=True):
    """An account as of a block that the masterchain has taken in; `sync_utime` is that block's time."""

    last_transaction_id: TransactionId
    sync_utime: UnixTime


class RawTransaction(msgspec.Struct, frozen=True):
    """A transaction as a bag of cells."""

    transaction_id: TransactionId
    data: str


class RawTransactions(msgspec.Struct, frozen=True):
    """Some of an account's, newest first."""

    transactions: Annotated[list[RawTransaction], msgspec.Meta(min_length=1)]


class BlockId(msgspec.Struct, frozen=True):
    """A block, or the state before the first."""

    root_hash: Hash
    file_hash: Hash


class MasterchainInfo(msgspec.Struct, frozen=True):
    """How the chain began."""

    init: BlockId


class RunResult(msgspec.Struct, frozen=True):
    """What a get-method left on its stack: pairs of a kind and a value."""

    exit_code: int
    stack: list[tuple[str, Any]]


class StackCell(msgspec.Struct, frozen=True):
    """A cell on a stack."""

    bytes: str


class LiteServerEntry(msgspec.Struct, frozen=True):
    """Where a lite server is, and its key."""

    ip: int
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    id: dict[str, Any]


class Validator(msgspec.Struct, frozen=True):
    """How the chain began, and where tonlib may begin to check it."""

    zero_state: BlockId


class GlobalConfig(msgspec.Struct, frozen=True):
    """What this reader looks at in a configuration; tonlib is given the whole of both."""

    liteservers: Annotated[list[LiteServerEntry], msgspec.Meta(min_length=1)]
    validator: Validator
