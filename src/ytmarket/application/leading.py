"""A leader's term: the block inside which it leads, cut short when its leadership is lost."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import attrs

from ytmarket.application.ports.leadership import LeadershipLost


@attrs.define
class Term:
    """Runs a block; when `end` is called the block is cancelled, and raises LeadershipLost."""

    _task: asyncio.Task[object] | None = attrs.field(default=None, init=False)
    _has_ended: bool = attrs.field(default=False, init=False)
    _cancellations: int = attrs.field(default=0, init=False)

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        self._cancellations = 0 if self._task is None else self._task.cancelling()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._has_ended or task is None:
            return
        # Cancelled by us alone, it goes on with LeadershipLost; by somebody else as well, it is cancelled.
        is_ours_alone = task.uncancel() <= self._cancellations
        if is_ours_alone and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise LeadershipLost from error

    def end(self) -> None:
        """The leadership is lost."""
        if self._task is not None and not self._has_ended:
            self._has_ended = True
            self._task.cancel()
