"""Recomputing the books from what was posted, by other means than those that keep them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from ytmarket.domain.ids import AccountId


@attrs.frozen(kw_only=True)
class Mismatch:
    """Where something is kept that does not follow from the rest, and whose money it is, if anybody's."""

    what: str
    where: str
    kept: str
    recomputed: str
    account_id: AccountId | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.where} has {self.kept}, recomputed: {self.recomputed}"


class Books(Protocol):
    """What is kept, held against what was posted.

    * books that the shop's own use cases have kept have no mismatch;
    * whatever has changed since the last check without a mismatch is checked;
    * a mismatch is found by every check until it is put right.
    """

    async def check(self) -> Sequence[Mismatch]:
        """All of the books."""
        ...

    async def check_changes(self, now: datetime, *, every: timedelta) -> Sequence[Mismatch] | None:
        """What has changed, and all of it once a day; for whoever looks again and again.

        None when somebody is at it, or was less than *every* ago.
        """
        ...
