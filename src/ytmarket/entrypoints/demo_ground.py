"""What the demo needs of a network: a shop that reads it, and somebody who pays on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import attrs
import httpx2

from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network


@attrs.frozen(kw_only=True)
class Payment:
    """What is shown of it: what was said and answered, step by step."""

    title: str
    steps: Mapping[str, object]


class Ground(Protocol):
    """A network that somebody can pay on."""

    @property
    def network(self) -> Network: ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of a shop that reads it."""
        ...

    async def pay(self, shop: httpx2.AsyncClient, amount: Usdt) -> Payment:
        """Send the shop so much, and let it become final."""
        ...
