"""Doing things at once, so that promises about races can be seen to hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import anyio

from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain.errors import Refused

A = TypeVar("A")
T = TypeVar("T")

MOMENT_SECONDS: Final = 0.05
"""Long enough for another unit of work to get as far as it can."""


async def at_once(things: Iterable[A], action: Callable[[A], Awaitable[T]]) -> list[T | Refused]:
    """Do it for each of these, all started together; what each answered, or the refusal it met."""
    outcomes: dict[int, T | Refused] = {}

    async def run(number: int, thing: A) -> None:
        try:
            outcomes[number] = await action(thing)
        except Refused as refusal:
            outcomes[number] = refusal

    async with anyio.create_task_group() as group:
        for number, thing in enumerate(things):
            group.start_soon(run, number, thing)
    return [outcomes[number] for number in sorted(outcomes)]


async def while_open(
    new_unit_of_work: NewUnitOfWork,
    first: Callable[[UnitOfWork], Awaitable[object]],
    second: Callable[[UnitOfWork], Awaitable[object]],
) -> list[str]:
    """Let one unit of work do *first* and stay open, and another do *second* meanwhile.

    What happened, in order: "first ended" and "second done".
    """
    happened: list[str] = []
    ready = anyio.Event()

    async def run_first() -> None:
        async with new_unit_of_work() as uow:
            await first(uow)
            ready.set()
            await anyio.sleep(MOMENT_SECONDS)
            happened.append("first ended")
            await uow.commit()

    async def run_second() -> None:
        await ready.wait()
        async with new_unit_of_work() as uow:
            await second(uow)
            happened.append("second done")
            await uow.commit()

    async with anyio.create_task_group() as group:
        group.start_soon(run_first)
        group.start_soon(run_second)
    return happened
