"""Workers: one round of any loop in any process, killed anywhere and begun again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from ytmarket.application.errors import ApplicationError
from ytmarket.application.services import Services
from ytmarket.testing.simulation.ports import SimulatedReader
from ytmarket.testing.simulation.world import Untrue, World

Step = Callable[[Services], Awaitable[object]]


async def _verify(shop: Services) -> None:
    found = await shop.books.watch()
    if found:
        raise Untrue(f"the books do not add up: {found}")


STEPS: Final[Mapping[str, Step]] = {
    "settle": lambda shop: shop.deposits.settle_due(),
    "expire top-ups": lambda shop: shop.topups.expire_due(),
    "fulfil": lambda shop: shop.fulfilment.fulfil_due(),
    "expire": lambda shop: shop.fulfilment.expire_due(),
    "refund": lambda shop: shop.fulfilment.refund_due(),
    "webhooks": lambda shop: shop.webhooks.deliver_due(),
    "forget": lambda shop: shop.requests.forget_due(),
    "alarms": lambda shop: shop.alarms.look(),
    "verify": _verify,
}
"""The loops of a worker, beside the scanners."""

NAMES: Final = tuple(STEPS)


async def work(world: World) -> None:
    """One round of one loop, in either process: so the same loop may run in both."""
    shop = world.shop
    if world.chance.random() < 0.3:
        await scan(world, shop, world.pick(world.readers))
        return
    await step(world, shop, world.pick(NAMES))


async def scan(world: World, shop: Services, reader: SimulatedReader) -> None:
    """Read all that is new on one network, in one process."""
    try:
        found = await shop.scan.scan(reader)
    except ApplicationError as trouble:
        world.history.note("scan failed", reader.network, type(trouble).__name__)
        return
    world.history.note("scan", reader.network, found)


async def step(world: World, shop: Services, name: str) -> None:
    """One round of the loop of that name, in one process."""
    try:
        done = await STEPS[name](shop)
    except ApplicationError as trouble:
        world.history.note(f"{name} failed", type(trouble).__name__)
        return
    world.history.note(name, done)


async def everything(world: World) -> None:
    """One round of every loop in every process, one after the other."""
    for shop in world.processes:
        for reader in world.readers:
            await scan(world, shop, reader)
        for name in NAMES:
            await step(world, shop, name)
