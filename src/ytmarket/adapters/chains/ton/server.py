"""One lite server, asked through tonlib."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import msgspec
from pytonlib.tonlibjson import TonlibError, TonlibNoResponse

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.adapters.chains.ton.chain import NETWORK, SETTING
from ytmarket.adapters.chains.ton.config import Config
from ytmarket.adapters.chains.ton.tonlib import Opening, Session
from ytmarket.adapters.chains.ton.words import Meaning, meaning_of
from ytmarket.application.endpoints import Endpoint, Pace
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainMisconfigured,
    ChainRateLimited,
    ChainUnavailable,
    ReaderError,
)

GRACE: Final = 1.25
"""By so much longer than tonlib itself is it waited, which says a little late that it has given up."""

SHOWN_CHARS_MAX: Final = 200
_SECOND: Final = timedelta(seconds=1)

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Terms:
    """How a lite server is opened, and how long it may take."""

    opening: Opening
    timeout: timedelta
    sync_timeout: timedelta


class Missing(ChainUnavailable):
    """The lite server has not got what was asked for: not yet, or no longer."""


class LiteServer:
    """Whatever goes wrong is a `ReaderError` whose words hold no secret."""

    def __init__(
        self, endpoint: Endpoint, config: Config, index: int, *, folder: Path, pace: Pace, terms: Terms
    ) -> None:
        self.endpoint = endpoint
        self.account: Address | None = None
        """Our jetton wallet, once the chain has been seen to be the right one."""
        self._config = config
        self._index = index
        self._folder = folder
        self._pace = pace
        self._terms = terms
        self._session: Session | None = None
        self._is_synced = False
        self._asked = set[asyncio.Future[Any]]()

    def __str__(self) -> str:
        return f"{self.endpoint}, lite server {self._index + 1} of {len(self._config['liteservers'])},"

    async def call(self, method: str, *args: Any) -> Any:
        """What one of the client's methods answers, as it came."""
        session = await self._open()
        await self._pace.admit(1)
        return await self._within(self._terms.timeout, getattr(session.client, method)(*args))

    async def ask(self, kind: type[T], method: str, *args: Any) -> T:
        """What one of the client's methods answers, as this kind of thing."""
        return self.read_as(kind, await self.call(method, *args))

    def read_as(self, kind: type[T], answer: Any) -> T:
        """What was answered, as this kind of thing."""
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            raise self.unavailable(f"answered what makes no sense: {error}") from None

    async def close(self) -> None:
        session, self._session, self._is_synced = self._session, None, False
        if session is not None:
            await session.close()
        for task in self._asked:
            task.cancel()

    def unavailable(self, why: str) -> ChainUnavailable:
        """Trouble with this lite server, by its name."""
        return ChainUnavailable(f"{self} {why}")

    def behind(self, why: str) -> ChainBehind:
        return ChainBehind(f"{self} {why}")

    def gap(self, why: str) -> ChainGap:
        return ChainGap(f"{self} {why}")

    def misconfigured(self, why: str) -> ChainMisconfigured:
        return ChainMisconfigured(f"{self} {why}: {SETTING} needs configurations of {NETWORK}'s mainnet")

    async def _open(self) -> Session:
        if self._session is None:
            await self._pace.admit(1)
            await self._within(self._terms.timeout, self._begin(), is_opening=True)
        if not self._is_synced:
            await self._within(self._terms.sync_timeout, self._sync(), is_opening=True)
        return self._begun()

    async def _begin(self) -> None:
        # Kept from inside, so that it is closed even if nobody waits for it any more.
        self._session = await self._terms.opening(
            self._config, self._index, self._folder, self._terms.timeout
        )

    async def _sync(self) -> None:
        await self._begun().sync(self._terms.sync_timeout)
        self._is_synced = True

    def _begun(self) -> Session:
        if self._session is None:
            raise self.unavailable("was let go meanwhile")
        return self._session

    async def _within(self, limit: timedelta, doing: Awaitable[T], *, is_opening: bool = False) -> T:
        """What this comes to, in time.

        pytonlib breaks when a wait for an answer is cancelled, so it goes on, and is left alone.
        """
        task = asyncio.ensure_future(doing)
        self._asked.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=limit * GRACE / _SECOND)
        if not done:
            await self.close()
            raise self.unavailable("did not answer in time")
        trouble: ReaderError
        try:
            return task.result()
        except TonlibNoResponse:
            trouble = self.unavailable("did not answer in time")
        except TonlibError as error:
            trouble = self._trouble_of(str(error), is_opening=is_opening)
        except ReaderError:
            raise
        except Exception as error:  # noqa: BLE001 - a library meets garbage in more ways than it names
            await self.close()
            trouble = self.unavailable(f"cannot be asked ({type(error).__name__})")
        raise trouble

    def _forget(self, task: asyncio.Future[Any]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            task.exception()  # seen: nobody may be waiting for it any more

    def _trouble_of(self, message: str, *, is_opening: bool) -> ReaderError:
        said = f"said {self.endpoint.redact(message)[:SHOWN_CHARS_MAX]!r}"
        match meaning_of(message):
            case Meaning.TOO_OFTEN:
                return ChainRateLimited()
            case Meaning.MISSING:
                return Missing(f"{self} {said}")
            case Meaning.ANOTHER_CHAIN if is_opening:
                return self.misconfigured(said)
            case _:
                return self.unavailable(said)
