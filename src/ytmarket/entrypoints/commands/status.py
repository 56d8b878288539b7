"""`ytmarket status`: how the shop fares, on one screen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.application.ports.networks import NetworkState
from ytmarket.application.ports.watching import Waiting
from ytmarket.application.watching import SILENT_AFTER, ShopState
from ytmarket.domain.alarms import AlarmKind, RungAlarm
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.terminal import AsJson, DataDir, out, with_shop

WIDTH: Final = 80
FOLDED: Final = ("trouble", "where")
UNITS: Final = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))
SECOND: Final = timedelta(seconds=1)


def show_status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show networks, orders, money that waits, alarms and processes; ends with 1 while an alarm rings."""
    rings = False

    async def use(shop: Shop) -> None:
        nonlocal rings
        state = await shop.services.watching.state()
        rings = bool(state.alarms)
        head = {
            "version": shop.services.presence.identity.version,
            "database": shop.services.watching.store,
            "money": "devnet" if shop.settings.is_devnet else "real networks",
        }
        if as_json:
            print(json.dumps({**head, **told(state)}, ensure_ascii=False, indent=2))
        else:
            out.print(screen(state, head), width=min(out.width, WIDTH))

    with_shop(data_dir, use)
    if rings:
        raise typer.Exit(1)


def told(state: ShopState) -> dict[str, Any]:
    """The state for programs: moments in ISO 8601, ages in seconds, null where there is none."""
    figures = state.figures
    return {
        "at": state.at.isoformat(),
        "alarms": [_alarm(rung) for rung in state.alarms],
        "networks": [_network(network, state.at) for network in state.networks],
        "orders_open": _queues(figures.orders_open, state.at),
        "order_events": dict(figures.order_events),
        "refunds_due": _queues(figures.refunds_due, state.at),
        "outbox": _queue(figures.outbox, state.at),
        "webhook_attempts": dict(figures.webhooks),
        "deposits": dict(figures.deposits),
        "deposits_unmatched": _queue(figures.unmatched, state.at),
        "books_in_balance": _in_balance(state),
        "books_checked_at": state.books_checked_at and state.books_checked_at.isoformat(),
        "processes": [_process(beat, state.at) for beat in state.heartbeats],
    }


def screen(state: ShopState, head: Mapping[str, str]) -> RenderableType:
    """The state for people."""
    moment = state.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    title = f"[bold]ytmarket {head['version']}[/] on {head['database']}, {head['money']}, {moment}"
    return Group(title, "", *_alarms(state), _networks(state), "", _work(state), "", _processes(state))


def _alarms(state: ShopState) -> Iterator[RenderableType]:
    if not state.alarms:
        yield "[green]No alarm rings.[/]\n"
    for rung in state.alarms:
        since = _age(state.at - rung.rung_at)
        yield f"[bold red]{rung.alarm.kind}[/] {escape(rung.alarm.subject)}, for {since}"
        yield f"  {escape(rung.alarm.detail)}\n"


def _networks(state: ShopState) -> RenderableType:
    table = _table("network", "behind", "last read", "trouble")
    for network in state.networks:
        table.add_row(
            network.network,
            "-" if network.read_until is None else _age(state.at - network.read_until),
            "never" if network.last_success is None else f"{_age(state.at - network.last_success)} ago",
            _trouble(network),
        )
    return table if state.networks else "No process has read a network yet."


def _trouble(network: NetworkState) -> str:
    if network.trouble is None:
        return "[green]none[/]"
    return f"[bold red]{'stopped: ' if network.stopped else ''}[/]{escape(network.trouble)}"


def _work(state: ShopState) -> RenderableType:
    figures = state.figures
    table = _table("what waits", "how much", "the first for")
    rows = {
        **{f"orders {_words(name)}": waiting for name, waiting in sorted(figures.orders_open.items())},
        **{f"refunds of {name} orders": waiting for name, waiting in sorted(figures.refunds_due.items())},
        "webhooks": figures.outbox,
        "unmatched deposits": figures.unmatched,
    }
    for name, waiting in rows.items():
        first = "-" if waiting.oldest is None else _age(waiting.age_at(state.at))
        table.add_row(name, str(waiting.count), first)
    books = "in balance" if _in_balance(state) else "[bold red]not in balance[/]"
    books += ", " + _last_look(state)
    past = {
        "orders": figures.order_events,
        "deposits": figures.deposits,
        "webhooks": figures.webhooks,
    }
    lines = Table(show_header=False, show_edge=False, pad_edge=False, box=None)
    lines.add_row("books", books)
    for name, counts in past.items():
        told = ", ".join(f"{count} {_words(outcome)}" for outcome, count in sorted(counts.items()))
        lines.add_row(name, told or "none yet")
    return Group(table, "", lines)


def _last_look(state: ShopState) -> str:
    if state.books_checked_at is None:
        return "and nobody has looked yet"
    return f"looked at {_age(state.at - state.books_checked_at)} ago"


def _processes(state: ShopState) -> RenderableType:
    table = _table("process", "where", "version", "runs for", "heard of")
    for beat in state.heartbeats:
        silent = state.at - beat.seen_at
        heard = f"{_age(silent)} ago"
        table.add_row(
            beat.role,
            escape(f"{beat.host}, {beat.pid}"),
            beat.version,
            _age(state.at - beat.started_at),
            f"[bold red]{heard}[/]" if silent >= SILENT_AFTER else heard,
        )
    return table if state.heartbeats else "No process works on the shop."


def _table(*columns: str) -> Table:
    table = Table(header_style="bold", show_edge=False, pad_edge=False, box=None)
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name not in FOLDED)
    return table


def _alarm(rung: RungAlarm) -> dict[str, Any]:
    alarm = rung.alarm
    return {
        "kind": alarm.kind,
        "subject": alarm.subject,
        "detail": alarm.detail,
        "rung_at": rung.rung_at.isoformat(),
    }


def _network(network: NetworkState, now: datetime) -> dict[str, Any]:
    return {
        "network": network.network,
        "lag_seconds": None if network.read_until is None else _seconds(now - network.read_until),
        "last_success": None if network.last_success is None else network.last_success.isoformat(),
        "trouble": network.trouble,
        "stopped": network.stopped,
    }


def _process(beat: Heartbeat, now: datetime) -> dict[str, Any]:
    return {
        "role": beat.role,
        "host": beat.host,
        "pid": beat.pid,
        "version": beat.version,
        "started_at": beat.started_at.isoformat(),
        "seen_at": beat.seen_at.isoformat(),
        "silent": now - beat.seen_at >= SILENT_AFTER,
    }


def _queues(queues: Mapping[str, Waiting], now: datetime) -> dict[str, Any]:
    return {name: _queue(waiting, now) for name, waiting in queues.items()}


def _queue(waiting: Waiting, now: datetime) -> dict[str, Any]:
    oldest = None if waiting.oldest is None else _seconds(waiting.age_at(now))
    return {"count": waiting.count, "oldest_seconds": oldest}


def _in_balance(state: ShopState) -> bool:
    return all(rung.alarm.kind is not AlarmKind.BOOKS_UNBALANCED for rung in state.alarms)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _seconds(duration: timedelta) -> int:
    return max(duration // SECOND, 0)


def _age(duration: timedelta) -> str:
    """In the largest unit of which there are two; a person looks at magnitudes."""
    duration = max(duration, timedelta(0))
    for name, unit in UNITS:
        if duration >= 2 * unit:
            return f"{duration // unit} {name}"
    return f"{duration // SECOND} s"
