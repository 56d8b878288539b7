"""Lists in a terminal, where whatever can be copied stands whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

PROSE_WIDTH: Final = 20
"""Columns of text that may be broken into lines get as much, before others are left out for them."""

GAP: Final = 2


def print_rows(
    console: Console,
    rows: Sequence[Mapping[str, str]],
    *,
    as_json: bool,
    prose: Collection[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """Rows with the same columns, as a table or as JSON. Only columns of *prose* are ever broken into lines.

    In a terminal that is too narrow, *spare* columns are left out, the first ones first. A pipe gets all.
    """
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    if not rows:
        console.print("Nothing to show.")
        return
    natural = {name: max(cell_len(name), *(_width(row[name]) for row in rows)) for name in rows[0]}
    if not console.is_terminal:
        console.print(_table(rows, natural, (), sum(natural.values()) + GAP * (len(natural) - 1)), crop=False)
        return
    least = {name: min(width, PROSE_WIDTH) if name in prose else width for name, width in natural.items()}
    left_out = _left_out(least, spare, console.width)
    shown = {name: width for name, width in natural.items() if name not in left_out}
    needed = sum(least[name] for name in shown) + GAP * (len(shown) - 1)
    # Too narrow even so, the terminal breaks the lines: what is copied from it is still in one piece.
    console.print(_table(rows, shown, prose, needed if needed > console.width else None), crop=False)
    if left_out:
        names = ", ".join(name for name in natural if name in left_out)
        hint = f"No room for {names}: see a wider terminal, a pipe or --json."
        console.print(Text(hint, style="dim"))


def print_one(console: Console, row: Mapping[str, str], *, as_json: bool) -> None:
    """One thing, a line for each of its values and never broken, so that it can be copied; or as JSON."""
    if as_json:
        print_rows(console, [row], as_json=True)
        return
    width = max(map(len, row)) + GAP
    for name, value in row.items():
        console.print(f"{name:<{width}}{value}", soft_wrap=True, highlight=False, markup=False)


def _left_out(least: Mapping[str, int], spare: Sequence[str], room: int) -> set[str]:
    needed = sum(least.values()) + GAP * (len(least) - 1)
    left_out: set[str] = set()
    for name in spare:
        if needed <= room:
            break
        left_out.add(name)
        needed -= least[name] + GAP
    return left_out


def _table(
    rows: Sequence[Mapping[str, str]], names: Collection[str], prose: Collection[str], width: int | None
) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, GAP, 0, 0), width=width)
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name not in prose)
    for row in rows:
        table.add_row(*(Text(row[name]) for name in names))
    return table


def _width(value: str) -> int:
    return max(map(cell_len, value.splitlines()), default=0)
