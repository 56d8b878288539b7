"""How many processes agree on which one of them does what must not be done twice at once."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ytmarket.application.errors import ApplicationError


class LeadershipLost(ApplicationError):
    """Another process may lead by now."""


class Leadership(Protocol):
    """One leader for each name, among any number of processes.

    * inside the block one leads, and nobody else does under this name;
    * whoever waits leads soon after the leader has left its block, however it left it, or has died;
    * names do not hinder each other;
    * a leader that loses its leadership is cancelled inside its block, which then raises LeadershipLost;
    * who gives up waiting, or is cancelled inside the block, leaves nothing behind;
    * a store that does not answer raises Unavailable on the way in.

    A process that was stopped for a while may go on for a moment beside its successor: whatever must
    not happen twice needs a guard of its own as well, such as a cursor that moves only from where it was.
    """

    def lead(self, name: str) -> AbstractAsyncContextManager[None]:
        """Wait until this process leads, and lead until the block ends."""
        ...
