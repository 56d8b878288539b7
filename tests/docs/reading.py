"""Reads the project's pages as a reader does: their prose, their code, their links and headings."""

import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

_BLOCK: Final = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(told: str, *languages: str) -> list[str]:
    """The fenced blocks of these languages."""
    return [found["code"] for found in _BLOCK.finditer(told) if found["language"] in languages]


def spans(told: str) -> list[str]:
    """What stands between single backticks, outside of blocks."""
    return _SPAN.findall(_BLOCK.sub("", told))


def commands(told: str) -> Iterator[str]:
    """Every line of shell, and every span, with continued lines joined and comments taken off."""
    for block in blocks(told, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"(^|\s)#.*", "", line)
    yield from spans(told)


def links(told: str) -> list[str]:
    """Where the page leads."""
    return _LINK.findall(_BLOCK.sub("", told))


def anchors(told: str) -> set[str]:
    """The headings as they stand in links."""
    kept = set(string.punctuation) - {"-", "_"}
    return {
        "".join(char for char in heading.lower() if char not in kept).replace(" ", "-")
        for heading in _HEADING.findall(_BLOCK.sub("", told))
    }
