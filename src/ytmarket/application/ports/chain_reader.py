"""How the application learns of money on a chain: by asking, at its own pace."""

from __future__ import annotations

from datetime import datetime
from typing import NewType, Protocol

import attrs

from ytmarket.application.errors import ApplicationError
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.networks import Network

Cursor = NewType("Cursor", str)
"""Where reading goes on; only the reader that made it understands it."""


@attrs.frozen(kw_only=True)
class Page:
    """Deposits in chain order, and how far the chain has been read.

    Every deposit with a time before `read_until` has been returned by now. `more`: a backlog is
    left, read again at once. `span` is what was read; None where nothing new was to be read, or the
    reader cannot tell. `waits_from`: the lowest height of what was seen, in this page or an earlier
    one, and is not returned yet, as it must wait longer.
    """

    deposits: tuple[Deposit, ...]
    cursor: Cursor
    read_until: datetime
    more: bool = False
    span: Span | None = None
    waits_from: int | None = None


class ReaderError(ApplicationError):
    """The chain could not be read; nothing was consumed."""


class ChainUnavailable(ReaderError):
    """The node did not answer, or made no sense; another endpoint or a retry may help."""


@attrs.frozen(kw_only=True)
class ChainRateLimited(ChainUnavailable):
    """The node wants fewer requests; wait for so many seconds, where it said so."""

    retry_after: int | None = None


class ChainBehind(ReaderError):
    """The node lags; ask another one, or wait."""


class ChainGap(ReaderError):
    """History that must be read is not there; an operator has to name a node that has it."""


class ChainMisconfigured(ReaderError):
    """The node is of another chain or token; the message names the setting to change."""


class ChainReader(Protocol):
    """Final incoming USDT transfers to our wallet on one network.

    * each transfer is returned once and in chain order; the same cursor gives the same deposits;
    * nothing is returned before the network's own rule calls it final; what must wait longer than the
      rest comes out of turn, and holds up nothing but `read_until`;
    * many transfers in one transaction are as many deposits, or one of their sum where the network
      keeps balances rather than transfers;
    * a backlog is caught up over pages, and `more` says that there is one;
    * the spans of pages follow on each other without a gap, and hold the heights of their deposits;
    * amounts are exact: the raw integer and its decimals;
    * failed, zero-valued, foreign and counterfeit transfers never appear;
    * any trouble is a ReaderError, after which the same cursor can be read again.
    """

    @property
    def network(self) -> Network: ...

    @property
    def wallet(self) -> str:
        """The address that clients are told to pay to."""
        ...

    async def start(self) -> Cursor:
        """The cursor at the present final head. Raises `ChainMisconfigured` for a wrong chain."""
        ...

    async def read(self, cursor: Cursor) -> Page: ...

    async def cursor_at(self, height: int) -> Cursor:
        """The cursor from which this height, and all after it, is read once more.

        Raises `ChainBehind` for one that has not been reached, and `ChainGap` for one that is forgotten.
        """
        ...

    async def close(self) -> None: ...
