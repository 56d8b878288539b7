"""Finds the generated parts of the docs, and puts in their place what the code says now.

A part stands between two comments, `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.docs import errors, examples, ledger, orders, settings

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"

PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "errors": errors.table,
    "example-fastapi": lambda: examples.shown("fastapi_shop.py"),
    "example-storage": lambda: examples.shown("test_own_storage.py"),
    "example-synchronous": lambda: examples.shown("sync_command.py"),
    "order-diagram": orders.diagram,
    "order-moves": orders.table,
    "settings": settings.table,
    "transfers": ledger.accounts,
}

_PART: Final = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end of (?P=name) -->)", re.DOTALL
)


def names(text: str) -> list[str]:
    """The generated parts that a page has, in their order."""
    return [found["name"] for found in _PART.finditer(text)]


def renewed(text: str) -> str:
    """The page with its generated parts as they must be. Raises `KeyError` for a part nobody makes."""
    return _PART.sub(lambda found: f"{found['begin']}\n{PARTS[found['name']]()}\n\n{found['end']}", text)


def renew() -> Iterator[Path]:
    """Write every page that was stale; their paths."""
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        fresh = renewed(text)
        if fresh != text:
            path.write_text(fresh, encoding="utf-8")
            yield path.relative_to(ROOT)
