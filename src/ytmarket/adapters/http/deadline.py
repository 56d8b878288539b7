"""The time that a request has to be answered in."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadline:
    """Ends what runs inside its block when the time is up, with a `TimeoutError`.

    It does what `asyncio.timeout` does, and no more than a request needs: that one costs a
    twentieth of a short answer, this one a third of that. It belongs to the task that makes it.
    """

    __slots__ = ("_cancelling", "_handle", "_loop", "_task", "expired", "when")

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._loop = loop
        self._task = task
        self._cancelling = task.cancelling()
        self.expired = False
        self.when = loop.time() + seconds
        self._handle: asyncio.TimerHandle | None = None

    def reschedule(self, when: float) -> None:
        """Move it, within the block, to another time of the loop's clock. It may be past."""
        if self._handle is None:
            raise RuntimeError("the block has not begun, or is over")
        if not self.expired:
            self._handle.cancel()
            self.when = when
            self._handle = self._loop.call_at(when, self._expire)

    def __enter__(self) -> None:
        self._handle = self._loop.call_at(self.when, self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, trouble: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        # Whoever else has cancelled the task meanwhile is obeyed: then it is no matter of time.
        if (
            self.expired
            and self._task.uncancel() <= self._cancelling
            and kind is not None
            and issubclass(kind, asyncio.CancelledError)
        ):
            raise TimeoutError from trouble

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()
