"""Several processes and one bot: one of them reads, another takes over, and nothing is done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import attrs
import pytest

from tests.faults.processes import Command
from tests.telegram.bot_api import TOKEN, BotApi, garbles, serving
from tests.telegram.waiting import until
from ytmarket.application.services import Services
from ytmarket.domain.alarms import Alarm, AlarmKind
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.postgres import TemporaryPostgres

ANN = 42


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    api = BotApi()
    api.chat(ANN)
    async with serving(api):
        yield api


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with TemporaryPostgres() as server:
        yield server.dsn


@attrs.frozen(kw_only=True)
class House:
    """Processes on one database, and what is kept there."""

    services: Services
    processes: list[Command]

    def leader(self) -> Command | None:
        """Whoever reads the bot's messages at present."""
        leaders = [
            process for process in self.processes if process.is_alive and "telegram" in process.printed
        ]
        return leaders[0] if len(leaders) == 1 else None


@pytest.fixture
async def house(api: BotApi, dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    environment = {
        "YTMARKET_DATABASE_URL": dsn,
        "YTMARKET_TELEGRAM_TOKEN": TOKEN,
        "YTMARKET_TELEGRAM_CHATS": str(ANN),
        "YTMARKET_TELEGRAM_API": api.url,
        "YTMARKET_MASTER_KEY": "A" * 43 + "=",
    }
    processes = [
        Command([role, "--data-dir", str(tmp_path)], environment, tmp_path / f"{role}.log")
        for role in ("bot", "worker")
    ]
    settings = Settings.from_environment(environment | {"YTMARKET_DATA_DIR": str(tmp_path)})
    async with open_shop(settings) as shop:
        try:
            for process in processes:
                process.spawn()
            yield House(services=shop.services, processes=processes)
        finally:
            for process in processes:
                process.end()


async def test_one_reads_another_takes_over_and_nothing_is_done_twice(api: BotApi, house: House) -> None:
    await until(house.leader)
    await api.says("/mint Bob", ANN)
    await until(lambda: api.texts(ANN))
    ((number, fp),) = [(row.number, row.entry.target[4:]) for row in await house.services.audit.latest(50)]

    # The act is done and its answer not told when the one that did it is killed.
    api.faults["sendMessage"].extend([garbles("", 502)] * 100)
    asked = len(api.calls)
    await api.says(f"/credit {fp} 5 a gift", ANN)
    await until(lambda: any(method == "sendMessage" for method, _ in api.calls[asked:]))
    first = house.leader()
    assert first is not None
    first.kill()
    api.faults.clear()
    await until(lambda: len(api.texts(ANN)) == 2)
    assert api.texts(ANN)[1] == f"5.0 USDT for {fp}; the balance is 5.0 USDT."
    acts = await house.services.audit.latest(50)
    assert [(row.number, row.entry.action) for row in acts] == [
        (number + 1, "api_key.credit"),
        (number, "api_key.mint"),
    ]

    first.spawn()
    await house.services.alarms.ring(Alarm(AlarmKind.BOOKS_UNBALANCED, "account:1", "Look at `verify`."))
    await until(lambda: len(api.texts(ANN)) == 3)
    assert api.texts(ANN)[2].startswith("🔔 books unbalanced: account:1")
    assert api.conflicts == 0

    for process in house.processes:
        ended = process.stop()
        assert ended == 0 or process is first, process.printed  # that one may have hardly begun
        assert TOKEN not in process.printed
        assert TOKEN.partition(":")[2] not in process.printed
    assert api.pending == []
