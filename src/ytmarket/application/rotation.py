"""Which of a network's nodes is asked: one as long as it serves, another when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from traceback import walk_tb
from typing import Final, Generic, TypeVar

import attrs

from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainMisconfigured,
    ChainRateLimited,
    ChainUnavailable,
    ReaderError,
)
from ytmarket.application.ports.clock import Clock

REST: Final = timedelta(seconds=5)
REST_MAX: Final = timedelta(minutes=5)
REST_ASKED_MAX: Final = timedelta(hours=1)  # whatever a node says, look in again sometime
STAY: Final = timedelta(minutes=10)
DOUBLINGS_MAX: Final = 6
OURS: Final = f"{__name__.partition('.')[0]}."

N = TypeVar("N")
R = TypeVar("R")


@attrs.define
class Candidate(Generic[N]):
    """A node, and how it has served of late."""

    node: N
    failures: int = 0  # in a row
    rests_until: datetime | None = None
    has_asked_to_rest: bool = False

    def rest_left(self, now: datetime) -> timedelta:
        return timedelta(0) if self.rests_until is None else self.rests_until - now

    def rests(self, now: datetime) -> bool:
        return self.rest_left(now) > timedelta(0)

    def must_rest(self, now: datetime) -> bool:
        return self.has_asked_to_rest and self.rests(now)

    def served(self) -> None:
        self.failures, self.rests_until, self.has_asked_to_rest = 0, None, False

    def failed(self, trouble: ReaderError, now: datetime) -> None:
        rest = min(REST * 2 ** min(self.failures, DOUBLINGS_MAX), REST_MAX)
        asked = trouble.retry_after if isinstance(trouble, ChainRateLimited) else None
        if asked is not None:
            rest = timedelta(seconds=min(asked, REST_ASKED_MAX // timedelta(seconds=1)))
        self.failures += 1
        self.rests_until, self.has_asked_to_rest = now + rest, asked is not None


class Rotation(Generic[N]):
    """Nodes in the order of preference.

    * one that serves is kept; one that fails rests, twice as long each time, and the next is asked;
    * one that was left is gone back to after ten good minutes elsewhere, so that two that falter do
      not take turns, and after ten more if it fails again;
    * one that is still at it when the caller's patience ends has failed, if it had most of the time;
    * one that named a time to come back is not asked before it; any other is asked when all rest;
    * one whose answers are doubted is left like one that failed.
    """

    def __init__(self, nodes: Sequence[N], clock: Clock) -> None:
        self._candidates = [Candidate(node) for node in nodes]
        self._clock = clock
        self._current = self._candidates[0]
        self._since = clock.now()

    @property
    def nodes(self) -> Sequence[N]:
        return [candidate.node for candidate in self._candidates]

    async def use(self, task: Callable[[N], Awaitable[R]]) -> R:
        """What the first node that serves answers; the whole of *task* runs on one node.

        Raises the gravest trouble met when none serves, and at once that a node is of another chain.
        Whatever else is raised counts as a node that makes no sense.
        """
        troubles: list[ReaderError] = []
        began = self._clock.now()
        for candidate in self._in_turn():
            asked_at = self._clock.now()
            try:
                answer = await task(candidate.node)
            except ChainMisconfigured:
                raise
            except ReaderError as told:
                trouble = told
            except asyncio.CancelledError:
                if self._clock.now() - asked_at >= asked_at - began:
                    self._failed(candidate, ChainUnavailable("it was given up"))
                raise
            except Exception as error:  # noqa: BLE001 - a library meets garbage in more ways than it names
                trouble = self._unexpected(candidate, error)
            else:
                self._keep(candidate)
                return answer
            self._failed(candidate, trouble)
            troubles.append(trouble)
        raise self._gravest(troubles)

    def leave(self) -> None:
        """Let the present node rest as if it had failed: what it said was in good form, and is doubted."""
        self._current.failed(ChainUnavailable("its answers do not add up"), self._clock.now())

    def _in_turn(self) -> Iterable[Candidate[N]]:
        now = self._clock.now()
        stays = now < self._since + STAY
        ready = [one for one in self._candidates if not one.rests(now)]
        # Stable: among equals, the order of the setting.
        ready.sort(key=lambda one: (one.failures, one is not self._current) if stays else (0, False))
        tired = [one for one in self._candidates if one.rests(now) and not one.must_rest(now)]
        tired.sort(key=lambda one: one.rest_left(now))
        return ready or tired

    def _keep(self, candidate: Candidate[N]) -> None:
        candidate.served()
        if candidate is not self._current:
            self._current, self._since = candidate, self._clock.now()

    def _failed(self, candidate: Candidate[N], trouble: ReaderError) -> None:
        now = self._clock.now()
        candidate.failed(trouble, now)
        if candidate is not self._current:
            self._since = now

    def _unexpected(self, candidate: Candidate[N], error: Exception) -> ChainUnavailable:
        """What it was and where in our code, and not what it says: a URL with its key may stand there."""
        place = self._candidates.index(candidate) + 1
        lines = [
            f"{module}, line {line}"
            for frame, line in walk_tb(error.__traceback__)
            if (module := str(frame.f_globals.get("__name__"))).startswith(OURS)
        ]
        return ChainUnavailable(f"node no. {place} led to an unexpected {type(error).__name__} ({lines[-1]})")

    def _gravest(self, troubles: Sequence[ReaderError]) -> ReaderError:
        others = [trouble for trouble in troubles if not isinstance(trouble, ChainRateLimited)]
        if not others:
            return ChainRateLimited(retry_after=self._until_one_may_be_asked())
        gravest = max(others, key=_gravity)
        for trouble in troubles:
            if trouble is not gravest:
                gravest.add_note(f"another node: {trouble}")
        return gravest

    def _until_one_may_be_asked(self) -> int | None:
        now = self._clock.now()
        waits = [one.rest_left(now) for one in self._candidates if one.must_rest(now)]
        if len(waits) < len(self._candidates):
            return None  # one of them set no time: the caller's own patience decides
        return -(-min(waits) // timedelta(seconds=1))


def _gravity(trouble: ReaderError) -> int:
    match trouble:
        case ChainUnavailable():
            return 0
        case ChainBehind():
            return 1
        case _:
            return 2
