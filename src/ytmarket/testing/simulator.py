"""Runs a whole shop from one seed: its people, its workers and every trouble, in time that costs nothing.

    python -m ytmarket.testing.simulator --seeds 0:1000

It is the real application on the adapters in memory. The same seed does the same things in the same
order, so a seed that finds something untrue finds it again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

try:
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table
except ModuleNotFoundError as missing:
    needs = f'{missing.name} is not installed; the simulator needs: pip install "ytmarket[server]"'
    if __name__ == "__main__":
        sys.exit(needs)
    raise ModuleNotFoundError(needs, name=missing.name) from None

from ytmarket.adapters.inmemory import ManualClock
from ytmarket.application.errors import ApplicationError
from ytmarket.domain.errors import Refused
from ytmarket.testing.simulation import customers, endings, operators, truths, workers
from ytmarket.testing.simulation.history import History, Report
from ytmarket.testing.simulation.ports import NO_FAULTS, Fate, Faults
from ytmarket.testing.simulation.virtual_time import VirtualTimeLoop
from ytmarket.testing.simulation.world import BEGINNING, Untrue, World

STEPS: Final = 200
CHECK_EVERY: Final = 25
ROUNDS_MAX: Final = 200

Act = Callable[[World], Awaitable[None]]

ACTS: Final[Sequence[tuple[int, Act]]] = (
    (40, workers.work),
    (16, customers.order),
    (2, customers.rush),
    (14, customers.top_up),
    (6, customers.buy),
    (3, customers.sell_elsewhere),
    (6, customers.look),
    (5, operators.decide),
    (2, operators.correct),
    (3, operators.call_off),
    (2, operators.pay_back),
    (1, operators.give),
    (2, operators.fill),
)


class SimulationFailed(AssertionError):
    """Something untrue was found; the message tells the seed, how to repeat it, and what had happened."""


def simulate(seed: int, *, steps: int = STEPS, faults: Faults | None = None) -> Report:
    """Run one seed's shop for so many steps, end its troubles, and let time pass until nobody waits.

    Raises `SimulationFailed` for anything that is untrue on the way or in the end.
    """
    clock = ManualClock(BEGINNING)
    history = History(clock)
    run = _Run(seed, steps, faults or Faults(), clock, history)
    try:
        with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
            runner.run(run.everything())
    except Exception as wrong:
        raise SimulationFailed(_told(run, wrong)) from wrong
    return Report(
        seed=seed,
        steps=steps,
        counts=history.counts,
        hash=history.hash,
        began=BEGINNING,
        ended=clock.now(),
    )


class _Run:
    """One simulation: everything that is done at once, and what went wrong in it."""

    def __init__(self, seed: int, steps: int, faults: Faults, clock: ManualClock, history: History) -> None:
        chance = random.Random(seed)
        self.seed, self.steps, self.faults, self.history = seed, steps, faults, history
        self._chance = chance
        self._fate = Fate(chance, NO_FAULTS, history)
        self._world = World(chance, self._fate, clock, history)
        self._people: dict[asyncio.Task[None], None] = {}
        self._workers: dict[asyncio.Task[None], None] = {}
        self._wrong: list[BaseException] = []

    async def everything(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._unretrieved)
        await self._world.open()
        self._fate.faults = self.faults
        for number in range(1, self.steps + 1):
            self._begin_something()
            await asyncio.sleep(self._pause())
            truths.glance(self._world)
            if number % CHECK_EVERY == 0:
                await truths.check(self._world)
            self._raise_what_went_wrong()
        await self._calm_down()
        await truths.check(self._world)
        endings.check_words(self._world)
        with self._world.store.committed() as state:
            for transfer in state.transfers.values():
                self.history.note("transfer", transfer.kind, transfer.ref, transfer.amount)

    def _begin_something(self) -> None:
        if self._fate.strikes("killed"):
            self._kill()
        if self._fate.strikes("outage"):
            self._spawn(self._outage, self._people)
        (act,) = self._chance.choices([act for _, act in ACTS], [weight for weight, _ in ACTS])
        self._spawn(act, self._workers if act is workers.work else self._people)

    def _spawn(self, act: Act, among: dict[asyncio.Task[None], None]) -> None:
        task = asyncio.ensure_future(self._do(act))
        among[task] = None
        task.add_done_callback(lambda done: among.pop(done, None))

    async def _do(self, act: Act) -> None:
        try:
            await act(self._world)
        except (Refused, ApplicationError) as refusal:
            if act is workers.work:
                self._wrong.append(refusal)  # trouble outside they take as it comes; nothing refuses them
            self.history.note(f"{act.__name__} came to nothing", type(refusal).__name__)
        except Exception as wrong:  # noqa: BLE001 - nothing else may come out of the application
            self._wrong.append(wrong)

    def _kill(self) -> None:
        """End one process: whatever its workers were doing stays where it was."""
        for task in list(self._workers):
            task.cancel()
        self._world.restart(self._chance.randrange(len(self._world.processes)))

    async def _outage(self, world: World) -> None:
        store = world.store
        store.is_down = True
        await asyncio.sleep(self._chance.expovariate(1) * 10)
        store.is_down = False

    def _pause(self) -> float:
        mean = self._chance.choices((0.02, 5.0, 1_200.0), (80, 17, 3))[0]
        return self._chance.expovariate(1) * mean

    async def _calm_down(self) -> None:
        """End every fault, and go on until nobody waits. Raises `Untrue` when somebody does for days."""
        self._fate.faults, self._world.store.is_down = NO_FAULTS, False
        for _ in range(ROUNDS_MAX):
            if self._people or self._workers:
                await asyncio.sleep(60)
            await workers.everything(self._world)
            self._raise_what_went_wrong()
            if not (self._people or self._workers or endings.waiting(self._world)):
                break
            await asyncio.sleep(600)
        else:
            raise Untrue(f"after more than a day without faults somebody waits: {self._who_waits()}")
        await operators.return_all(self._world)
        await operators.pay_back_all(self._world)
        self._raise_what_went_wrong()

    def _who_waits(self) -> list[str]:
        tasks = [str(task.get_coro()) for task in (*self._people, *self._workers)]
        return [*endings.waiting(self._world), *tasks]

    def _raise_what_went_wrong(self) -> None:
        if self._wrong:
            wrong = self._wrong[0]
            raise (
                wrong if isinstance(wrong, Untrue) else Untrue(f"{type(wrong).__name__}: {wrong}")
            ) from wrong

    def _unretrieved(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Whoever gave up does not look at its answer; but that was a refusal, or trouble outside."""
        wrong = context.get("exception")
        if not isinstance(wrong, Refused | ApplicationError):
            self._wrong.append(wrong or RuntimeError(context.get("message")))


def _told(run: _Run, wrong: BaseException) -> str:
    command = f"python -m ytmarket.testing.simulator --seeds {run.seed}:{run.seed + 1} --steps {run.steps}"
    call = f"simulate({run.seed}, steps={run.steps}, faults={run.faults})"
    return "\n".join(
        [
            f"seed {run.seed}: {type(wrong).__name__}: {wrong}",
            f"Repeat it: {command if run.faults == Faults() else call}",
            "What happened last:",
            *run.history.last,
        ]
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run many seeds and tell what happened in them; 1 when one found something untrue."""
    parser = argparse.ArgumentParser(
        prog="python -m ytmarket.testing.simulator", description="Runs a whole shop from each seed."
    )
    parser.add_argument("--seeds", type=_seeds, default=range(100), help="from:to, the last not included")
    parser.add_argument("--steps", type=int, default=STEPS, help="how much happens in each")
    asked = parser.parse_args(words)
    counts: Counter[str] = Counter()
    shown = Console(stderr=True)
    try:
        for seed in track(asked.seeds, description="seeds", console=shown):
            counts += simulate(seed, steps=asked.steps).counts
    except SimulationFailed as failure:
        shown.print(str(failure), markup=False, highlight=False, soft_wrap=True)
        return 1
    table = Table("What happened", "How often", title=f"{len(asked.seeds)} seeds, and nothing untrue")
    for kind, count in sorted(counts.items()):
        table.add_row(kind, f"{count:,}")
    Console().print(table)
    return 0


def _seeds(word: str) -> range:
    """`3:7` are four seeds, `3` is one."""
    first, _, end = word.partition(":")
    try:
        seeds = range(int(first), int(end) if end else int(first) + 1)
    except ValueError:
        told = f"from:to is needed, such as 0:1000, or one number, not {word!r}"
        raise argparse.ArgumentTypeError(told) from None
    if not seeds:
        raise argparse.ArgumentTypeError(f"{word} is no seed at all: the second number must be greater")
    return seeds


if __name__ == "__main__":
    sys.exit(main())
