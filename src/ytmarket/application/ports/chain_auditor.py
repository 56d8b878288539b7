"""How the application learns what a wallet holds and through which transfers, apart from its deposits."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ytmarket.application.ports.chain_reader import ChainReader, Cursor
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


@runtime_checkable
class AuditedReader(ChainReader, Protocol):
    """A reader of a network on which the wallet can be audited as well, through the same nodes."""

    @property
    def auditor(self) -> ChainAuditor: ...

    async def cursor_at(self, height: int) -> Cursor:
        """Where reading goes on from this block on, to read some of the chain once more."""
        ...
