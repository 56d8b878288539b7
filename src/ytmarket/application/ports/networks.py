"""What the scanners tell of networks: which wallet is read, how far, and what keeps it from being read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import attrs

from ytmarket.domain.coverage import Span
from ytmarket.domain.networks import Network


@attrs.frozen(kw_only=True)
class NetworkState:
    """How the reading of one network fares, whichever process does it.

    *trouble* is what went wrong last, without secrets, and None once reading goes on. *stopped*: nobody
    tries again until a setting is changed. *wallet*: as `source_of` names what is read.
    """

    network: Network
    wallet: str
    read_until: datetime | None = None  # by the network's own clock; None before the first page
    last_success: datetime | None = None
    trouble: str | None = None
    stopped: bool = False


@attrs.frozen(kw_only=True)
class Coverage:
    """A span of a network that was read for one wallet, and when: its first part, and its last."""

    network: Network
    wallet: str
    span: Span
    began_at: datetime
    read_at: datetime


class NetworkRepository(Protocol):
    """Which networks are read, and their troubles.

    * of a network that wallet is told of on which anything happened last;
    * a page that is kept ends the trouble of its network and wallet, and starts it if it had stopped;
    * spans that were read are kept as few as can be: those that touch or overlap are one.
    """

    async def watch(self, wallets: Mapping[Network, str], now: datetime) -> None:
        """These are read from now on; of any other network or wallet nothing is told any more."""
        ...

    async def note_trouble(
        self, network: Network, wallet: str, trouble: str, now: datetime, *, stopped: bool = False
    ) -> None:
        """Reading has failed; the last trouble noted is the one that is told."""
        ...

    async def cover(self, network: Network, wallet: str, span: Span, now: datetime) -> None:
        """This has been read, from end to end."""
        ...
