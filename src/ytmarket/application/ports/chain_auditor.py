"""How the application learns what a wallet holds and through which transfers, apart from its deposits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import attrs

from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding, Statement


class ChainAuditor(Protocol):
    """What our wallet on one network holds, and all that came in and went out, in final blocks.

    * what was held at first, with what came in and less what went out, is what is held at last, to the
      token's smallest unit;
    * incoming is the sum of the deposits that a reader returns from the same blocks;
    * failed, foreign and counterfeit transfers count on neither side, nor do those to ourselves;
    * nothing counts before the network itself calls it final;
    * all of one statement is told by one node, as of one block;
    * a node that has not got as far as the opening raises ChainBehind, one that has another block in its
      place ChainGap, and any other trouble is a ReaderError too;
    * after `doubt` another node is asked, where there is one.
    """

    @property
    def network(self) -> Network: ...

    @property
    def wallet(self) -> str: ...

    async def holding(self) -> Holding:
        """What is held at the present final block."""
        ...

    async def statement(self, opening: Holding) -> Statement:
        """What happened since that block, up to the present final one."""
        ...

    def doubt(self) -> None:
        """The last answers do not add up; they may be the fault of the node that gave them."""
        ...


@attrs.frozen(kw_only=True)
class StrayAccount:
    """Where some of the token lies that belongs to our wallet, and that no reader sees arrive."""

    address: str
    balance: int  # in the token's smallest units


@runtime_checkable
class WatchedReader(ChainReader, Protocol):
    """A reader of a network on which a wallet may hold the token in several accounts, and one is read.

    * every account of our wallet that holds some of the token, beside the one that is read, is told of.
    """

    async def stray_accounts(self) -> Sequence[StrayAccount]:
        """Those that hold something, by their addresses. Raises `ReaderError`."""
        ...


@runtime_checkable
class AuditedReader(ChainReader, Protocol):
    """A reader of a network on which the wallet can be audited as well, through the same nodes."""

    @property
    def auditor(self) -> ChainAuditor: ...
