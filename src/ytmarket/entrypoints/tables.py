"""Lists in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_rows(console: Console, rows: Sequence[Mapping[str, str]], *, as_json: bool) -> None:
    """Rows with the same columns, as a table that fits, or as JSON."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    if not rows:
        console.print("Nothing to show.")
        return
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row.values()))
    console.print(table)
