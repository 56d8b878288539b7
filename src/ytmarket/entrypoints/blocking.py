"""The bridge for code that is not asynchronous: the shop runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

import attrs
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ytmarket.application.services import Services
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


@attrs.frozen
class BlockingShop:
    """An open shop whose use cases are called and waited for. Any number of threads may share it."""

    services: Services
    _portal: BlockingPortal

    def call(self, use_case: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the use case answers or raises. The shop's own thread would wait for itself for ever."""
        return self._portal.call(partial(use_case, *args, **kwargs))


@contextmanager
def open_blocking_shop(settings: Settings) -> Iterator[BlockingShop]:
    """Everything connected and migrated, until the block ends. It runs no workers.

    Raises `SettingsError` and what the database adapter says of a server that cannot be used.
    """
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(open_shop(settings)) as shop,
    ):
        yield BlockingShop(shop.services, portal)
