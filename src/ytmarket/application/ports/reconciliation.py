"""Up to where each wallet's chain and the books have been found to agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding


@attrs.frozen(kw_only=True)
class Task:
    """A check that is due. Without anything agreed on, the first block after *not_before* opens."""

    agreed: Holding | None
    not_before: datetime  # the network had been read that far when it was first thought of


@attrs.frozen(kw_only=True)
class Booked:
    """What the books hold of some blocks, and how far the network has been read meanwhile."""

    raw: int  # of all these deposits together, in the token's smallest units
    read_until: datetime


class ReconciliationRepository(Protocol):
    """The last agreement of each wallet's chain with the books, and when to look again.

    * a check that is due is taken up by one, however many ask, and is due again at the time named;
    * nothing is due before the network has been read for the first time;
    * an agreement replaces only the one that it was found from;
    * what is booked and how far was read are told as of one moment, to the smallest unit;
    * what its chain took back is booked no more;
    * a wallet is compared for one token at a time: what was agreed for another one can be forgotten.
    """

    async def take_up(self, network: Network, wallet: str, now: datetime, until: datetime) -> Task | None:
        """The check, if it is due: until then it is nobody else's."""
        ...

    async def agree(
        self,
        network: Network,
        wallet: str,
        holding: Holding,
        *,
        after: Holding | None,
        due_at: datetime,
    ) -> bool:
        """Up to there all is well, and the next check is due then. False: *after* is the last no more."""
        ...

    async def forget(self, network: Network, wallet: str, now: datetime) -> int | None:
        """Have the next check open anew, at once; up to which height all agreed, None where nothing did."""
        ...

    async def forget_other_tokens(self, network: Network, wallet: str, source: str, now: datetime) -> None:
        """Forget what was agreed of this wallet under any other token's source than this one.

        What is booked of this one from now on would be a difference to the others.
        """
        ...

    async def booked(
        self, network: Network, wallet: str, after: int, to: int, *, source: str
    ) -> Booked | None:
        """Deposits to this wallet in the blocks after the one and up to the other, whatever became of them.

        Those that were orphaned are none any more.
        *source* is what the reading is kept under. None before the network has been read for the first time.
        """
        ...

    async def deposits(self, network: Network, wallet: str, after: int, to: int) -> Sequence[DepositRecord]:
        """The same deposits one by one, in chain order."""
        ...
