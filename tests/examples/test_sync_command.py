"""A synchronous command credits subscribers once each; its bridge serves many threads at once."""

import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from examples import sync_command

from ytmarket.application.audit import Actor
from ytmarket.domain import Usdt
from ytmarket.domain.errors import AlreadyDone, KeyNotFound
from ytmarket.entrypoints.blocking import BlockingShop, open_blocking_shop
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.postgres import TemporaryPostgres

CRON = Actor("cron")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with TemporaryPostgres() as server:
        yield Settings(database_url=server.new_database(), data_dir=tmp_path_factory.mktemp("data"))


def run(settings: Settings, subscribers: Path, month: str) -> list[str]:
    said = io.StringIO()
    sync_command.Command(said).handle(subscribers=subscribers, month=month, settings=settings)
    return said.getvalue().splitlines()


def balances(shop: BlockingShop) -> dict[str, str]:
    rows = list(sync_command.Command.keys(shop))
    totals = shop.call(shop.services.queries.totals, [row.key.account_id for row in rows])
    return {row.key.label: str(totals[row.key.account_id].balance) for row in rows}


def test_each_subscriber_is_credited_once_a_month(settings: Settings, tmp_path: Path) -> None:
    subscribers = tmp_path / "subscribers.csv"
    subscribers.write_text("Ann's shop,25.00\nBob,10.50\n")
    first = run(settings, subscribers, "2026-05")
    assert [line.partition(" key is ")[0] for line in first] == [
        "Ann's shop: welcome, your",
        "Ann's shop: 25.0 USDT credited",
        "Bob: welcome, your",
        "Bob: 10.5 USDT credited",
    ]
    assert run(settings, subscribers, "2026-05") == ["Ann's shop: has had it", "Bob: has had it"]
    assert run(settings, subscribers, "2026-06") == [
        "Ann's shop: 25.0 USDT credited",
        "Bob: 10.5 USDT credited",
    ]
    with open_blocking_shop(settings) as shop:
        assert balances(shop) == {"Ann's shop": "50.0", "Bob": "21.0"}


def test_many_threads_share_the_bridge(settings: Settings) -> None:
    with open_blocking_shop(settings) as shop, ThreadPoolExecutor(8) as threads:
        fp = shop.call(shop.services.api_keys.mint, "Carol", CRON).record.fp

        def credit(number: int) -> bool:
            amount, ref = Usdt.of(1), f"gift {number % 4}"
            try:
                shop.call(shop.services.api_keys.adjust, fp, amount, "a gift", ref, CRON)
            except AlreadyDone:
                return False
            return True

        assert sum(threads.map(credit, range(16))) == 4
        assert balances(shop)["Carol"] == "4.0"


def test_what_a_use_case_raises_reaches_the_caller(settings: Settings) -> None:
    with open_blocking_shop(settings) as shop, pytest.raises(KeyNotFound):
        shop.call(shop.services.api_keys.revoke, "000000000000", CRON)


def test_the_command_explains_itself() -> None:
    ran = subprocess.run(
        [sys.executable, sync_command.__file__, "--help"], capture_output=True, text=True, check=True
    )
    assert sync_command.Command.help in ran.stdout
    assert "--month" in ran.stdout
