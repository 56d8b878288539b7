"""Whether this process lives, and whether the shop behind it can be worked on: for whoever runs it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.exchange import Exchange
from ytmarket.adapters.http.refusals import NotReady


class StateView(msgspec.Struct):
    """One word for machines."""

    status: str


async def admit_prober(door: Door, _: Exchange) -> Door:
    """Anybody may ask: no key is needed, and nothing counted."""
    return door


async def show_life(_: Door) -> Response:
    """GET /livez: whoever reads this has been answered by the process, and by nothing behind it."""
    return answer(StateView("alive"))


async def show_readiness(door: Door) -> Response:
    """GET /readyz. Raises `NotReady` naming what does not do its work."""
    if door.holder.services is None:
        raise NotReady(parts=("shop",))
    missing = await door.holder.services.readiness.missing()
    if missing:
        raise NotReady(parts=tuple(missing))
    return answer(StateView("ready"))
