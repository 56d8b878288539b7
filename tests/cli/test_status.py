"""How the shop fares, on one screen, for people and for scripts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from tests.cli.conftest import Terminal
from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.application.ports.networks import NetworkState
from ytmarket.application.ports.watching import ShopFigures, Waiting
from ytmarket.application.watching import ShopState
from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm
from ytmarket.domain.ids import AlarmId
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.commands.status import screen, told

NOW = datetime(2026, 5, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HEAD = {"version": "1.2.3", "database": "PostgreSQL 18.1", "money": "real networks"}

TROUBLED = ShopState(
    at=NOW,
    figures=ShopFigures(
        order_events={"processing": 1_234_567, "completed": 1_000_000, "refunded": 12},
        webhooks={"delivered": 7, "retried": 3, "exhausted": 1},
        deposits={"unmatched": 2, "credited_auto": 1_234_567, "dust": 30_000, "credited_manual": 45},
        orders_open={"processing": Waiting(3, NOW - 1_000 * SECOND), "awaiting_payment": Waiting(1, NOW)},
        refunds_due={"api": Waiting(1, NOW - 100_000 * SECOND)},
        unmatched=Waiting(2, NOW - timedelta(days=3)),
        outbox=Waiting(4, NOW + SECOND),
    ),
    networks=[
        NetworkState(
            network=Network.TRON, wallet="T", read_until=NOW - 7 * SECOND, last_success=NOW - SECOND
        ),
        NetworkState(network=Network.TON, wallet="E", trouble="[bold] the nodes " * 9, stopped=True),
    ],
    alarms=[
        RungAlarm(
            id=AlarmId(1),
            alarm=Alarm(AlarmKind.BOOKS_UNBALANCED, "account:12", "its balance is 3 and should be 4 " * 5),
            rung_at=NOW - timedelta(hours=5),
        )
    ],
    books_checked_at=NOW - 200 * SECOND,
    heartbeats=[
        Heartbeat(
            process=str(n),
            role="serve --no-workers",
            host="a-rather-long-name.of.a.machine.example",
            pid=1_234_567 + n,
            version="1.2.3",
            started_at=NOW - timedelta(days=40),
            seen_at=NOW - n * 59 * SECOND,
        )
        for n in (1, 2)
    ],
)


def shown(state: ShopState, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(screen(state, HEAD))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_everything_fits_into_eighty_columns() -> None:
    text = shown(TROUBLED)
    assert max(map(len, text.splitlines())) <= 80
    joined = " ".join(text.split())
    for words in (
        "ytmarket 1.2.3 on PostgreSQL 18.1, real networks, 2026-05-23 12:00:00 UTC",
        "books_unbalanced account:12, for 5 h",
        "usdt_trc_20 7 s 1 s ago none",
        "usdt_ton - never stopped: [bold] the nodes",
        "orders processing 3 16 min",
        "refunds of api orders 1 27 h",
        "webhooks 4 0 s",
        "unmatched deposits 2 3 d",
        "not in balance, looked at 3 min ago",
        "orders 1000000 completed, 1234567 processing, 12 refunded",
        "deposits 1234567 credited auto, 45 credited manual, 30000 dust, 2 unmatched",
        "webhooks 7 delivered, 1 exhausted, 3 retried",
    ):
        assert words in joined


def test_a_shop_that_nobody_has_started_says_so() -> None:
    quiet = ShopState(
        at=NOW, figures=ShopFigures(), networks=[], alarms=[], books_checked_at=None, heartbeats=[]
    )
    text = shown(quiet)
    for words in (
        "No alarm rings.",
        "No process has read a network yet.",
        "No process works on the shop.",
        "in balance, and nobody has looked yet",
        "none yet",
    ):
        assert words in text


def test_scripts_are_told_the_same_in_numbers() -> None:
    found = json.loads(json.dumps(told(TROUBLED)))
    assert found["orders_open"]["processing"] == {"count": 3, "oldest_seconds": 1000}
    assert found["outbox"] == {"count": 4, "oldest_seconds": 0}
    assert found["books_in_balance"] is False
    assert [row["lag_seconds"] for row in found["networks"]] == [7, None]
    assert [row["silent"] for row in found["processes"]] == [False, True]
    assert found["alarms"][0]["subject"] == "account:12"


def test_it_ends_with_one_while_an_alarm_rings(terminal: Terminal) -> None:
    said = json.loads(terminal.types("status", "--json"))
    assert said["database"].startswith("PostgreSQL ")
    assert (said["money"], said["alarms"], said["processes"]) == ("devnet", [], [])
    assert "No alarm rings." in terminal.types("status")
    terminal.sql(
        "insert into alarm (kind, subject, detail, rung_at)"
        " values ('webhook_exhausted', 'hook.example', 'send [b]them[/b] again', now())"
    )
    assert "send [b]them[/b] again" in terminal.types("status", code=1)
    ringing, _ = json.JSONDecoder().raw_decode(terminal.types("status", "--json", code=1))
    assert [alarm["kind"] for alarm in ringing["alarms"]] == ["webhook_exhausted"]
    terminal.sql("update alarm set ended_at = now()")
    terminal.types("status")


@pytest.mark.parametrize("columns", ["40", "80", "300"])
def test_it_is_never_wider_than_eighty(terminal: Terminal, columns: str) -> None:
    terminal.sql("select 1")
    assert isinstance(terminal.environment, dict)
    terminal.environment["COLUMNS"] = columns
    assert max(map(len, terminal.types("status").splitlines())) <= 80
