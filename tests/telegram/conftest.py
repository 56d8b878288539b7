"""A shop in memory, the Bot API beside it, and two operators who write to the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs
import pytest
import structlog

from tests.http.shop import World, open_world
from tests.telegram.bot_api import TOKEN, BotApi, Shown, serving
from ytmarket.adapters.telegram.gate import Gate
from ytmarket.adapters.telegram.operator_bot import OperatorBot, operator_bot
from ytmarket.application.api_keys import MintedKey
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.application.ports.queries import Paging
from ytmarket.domain.audit import AuditRow
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

ANN, BOB, STRANGER = 42, 43, 99
GROUP = -1001
NOTHING: Mapping[str, Any] = MappingProxyType({})


@attrs.define(kw_only=True)
class Desk:
    """The bot at work in a shop."""

    api: BotApi
    world: World
    bot: OperatorBot
    logged: list[Any]
    _bots: list[OperatorBot] = attrs.field(factory=list)

    def another(self) -> OperatorBot:
        """The bot in another process, or after a restart: it shares nothing but the database."""
        gate = Gate(
            listed=frozenset({ANN, BOB, GROUP}),
            strangers=self.world.services.strangers,
            clock=self.world.clock,
        )
        found = operator_bot(TOKEN, self.api.url, gate, self.world.services, poll_seconds=0)
        self._bots.append(found)
        return found

    def restart(self) -> None:
        self.bot = self.another()

    async def close(self) -> None:
        for bot in self._bots:
            session = bot.bot.session
            # The library waits a quarter of a second for TLS to end; there is none here.
            if session._session is not None:  # type: ignore[attr-defined] # an AiohttpSession
                await session._session.close()  # type: ignore[attr-defined] # the same

    async def told(
        self, text: str, user: int = ANN, chat: int | None = None, more: Mapping[str, Any] = NOTHING
    ) -> list[str]:
        """What the bot says to that; *more* stands in the message too."""
        before = len(self.api.shown)
        await self.api.says(text, user, chat, **more)
        await self.bot.step()
        return [shown.text for shown in self.api.shown[before:]]

    async def pressed(self, text: str, shown: Shown | None = None, user: int = ANN) -> Shown:
        """The message under which a button was pressed, afterwards."""
        shown = shown or self.api.last
        await self.api.presses(shown, shown.button(text), user)
        await self.bot.step()
        return shown

    async def balance(self, minted: MintedKey) -> str:
        totals = await self.world.services.queries.totals([minted.record.account_id])
        return str(totals[minted.record.account_id].balance)

    async def rows(self) -> list[AuditRow]:
        """Without what was done to set the scene."""
        found = await self.world.services.queries.audit_rows(limit=1_000)
        return [row for row in found if row.entry.actor != "test"]

    async def acts(self) -> list[tuple[str, str]]:
        return [(row.entry.actor, row.entry.action) for row in await self.rows()]

    async def unmatched(self, amount: str, network: Network = Network.TON) -> DepositRecord:
        """A deposit that nobody awaited."""
        await self.world.devnet.send(DevnetTransfer(network=network, amount=Usdt.of(amount)))
        await self.world.services.scan.scan(self.world.devnet.reader(network))
        await self.world.services.deposits.settle_due()
        queries = self.world.services.queries
        found = await queries.deposits(DepositStatus.UNMATCHED, Paging(page_size=1))
        return found.rows[0]

    async def order(self, minted: MintedKey, **more: object) -> int:
        body = {"product_id": 7, "quantity": 1, "payment_method": "balance", **more}
        async with self.world.client(minted) as client:
            number: int = (await client.post("/api/v1/orders", json=body)).json()["order_id"]
        return number


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    world = open_world()
    api = BotApi(now=world.clock.now)
    for chat in (ANN, BOB, STRANGER, GROUP):
        api.chat(chat)
    with structlog.testing.capture_logs() as logged:
        async with serving(api):
            await world.work()
            await world.product(7, "10", units=5)
            desk = Desk(api=api, world=world, bot=None, logged=logged)  # type: ignore[arg-type] # it needs the desk
            desk.restart()
            yield desk
            await desk.close()
    assert TOKEN not in repr(logged)
