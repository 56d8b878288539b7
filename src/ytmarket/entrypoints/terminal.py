"""What every command needs: settings, an open shop, and a way to show things."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, NoReturn

import attrs
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.domain import limits
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.wording import check_reason
from ytmarket.entrypoints.bootstrap import Shop, open_shop
from ytmarket.entrypoints.settings import Settings, SettingsError
from ytmarket.entrypoints.tables import print_one, print_rows

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder for the embedded database and the master key.")
]
Reason = Annotated[str, typer.Option(prompt=True, help="Why, for the audit.")]
Page = Annotated[int, typer.Option(help="Which page, from 1.", min=1, max=limits.PAGE_MAX)]
Once = Annotated[
    str | None, typer.Option(help="A name for this act: the same act under the same name happens once.")
]


def settings_with(data_dir: Path | None = None, **changes: Any) -> Settings:
    """The environment's settings, with what the command line says instead."""
    settings = Settings.from_environment(os.environ)
    if data_dir is not None:
        changes["data_dir"] = data_dir
    return attrs.evolve(settings, **changes)


def actor() -> Actor:
    """Who sits at the terminal; in a container it may be a number without a name."""
    try:
        name = getuser()
    except (KeyError, OSError):
        name = f"uid-{os.getuid()}"
    return Actor(f"cli:{name.encode(errors='backslashreplace').decode()}")


def instruction(reason: str, once: str | None = None, *words: object) -> Instruction[Any]:
    """What is said at the terminal; *words* are what *once* stands for."""
    check_reason(reason)
    return Instruction(actor=actor(), reason=reason, attempt=_attempt(once, words))


def placing(once: str | None = None, *words: object) -> Instruction[Any]:
    """An order that somebody else has placed: it needs no reason."""
    return Instruction(actor=actor(), reason="", attempt=_attempt(once, words))


def _attempt(once: str | None, words: Iterable[object]) -> Attempt | None:
    return None if once is None else Attempt.of(once, "terminal", " ".join(map(str, words)).encode())


def with_shop(data_dir: Path | None, use: Callable[[Shop], Awaitable[None]]) -> None:
    """Open the shop beside a running server, or by itself, for one command."""

    async def run() -> None:
        async with open_shop(settings_with(data_dir)) as shop:
            if shop.warning is not None:
                err.print(f"ytmarket: {shop.warning}", soft_wrap=True, highlight=False, markup=False)
            await use(shop)

    asyncio.run(run())


def progress() -> Progress:
    """A bar for what takes a while: beside the output, and gone when it is done."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=err, transient=True)


def stop(message: str) -> NoReturn:
    """End the command with a sentence."""
    raise SettingsError(message)


def show(
    rows: Sequence[Mapping[str, str]],
    *,
    as_json: bool,
    prose: Collection[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """A table for people, or JSON for programs; see `print_rows`."""
    print_rows(out, rows, as_json=as_json, prose=prose, spare=spare)


def show_one(row: Mapping[str, str], *, as_json: bool) -> None:
    """One thing in lines for people, or JSON for programs, which get a list of one."""
    print_one(out, row, as_json=as_json)


def moment(at: datetime | None) -> str:
    """A time as tables have it, in UTC."""
    return "-" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")
