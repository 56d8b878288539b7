"""Every promise in contract.md is covered by a test that exists, or says why it is not covered yet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAME = re.compile(r"`([^`]+\.py)::([^`]+)`")
PENDING = "pending: "
PENDING_COUNT = 0  # changed on purpose, together with the row that is covered from now on

SECTIONS = [
    "Quick start", "1. Keys", "2. Authentication", "3. Catalogue", "4. Balance and top-ups", "5. Orders",
    "6. Webhooks", "7. Usage", "8. Delivery", "9. Networks", "10. Limits and prices", "11. Errors",
    "11.5 Security", "12. Examples", "Frequent questions", "13. Collection, changelog, support",
    "Beyond the reference",
]  # fmt: skip


@attrs.frozen(kw_only=True)
class Promise:
    """A row of the table."""

    section: str
    text: str
    cover: str

    @property
    def tests(self) -> list[tuple[Path, str]]:
        """File and name of each test."""
        return [((HERE if "/" not in file else ROOT) / file, name) for file, name in NAME.findall(self.cover)]


def promises() -> Iterator[Promise]:
    section = ""
    for line in (HERE / "contract.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| Promise |", "| --- |")):
            text, cover = line.strip("| ").split(" | ")
            yield Promise(section=section, text=text, cover=cover)


ROWS = list(promises())


@cache
def defined_in(path: Path) -> frozenset[str]:
    """The tests that a file defines, those of its classes as Class::test."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {f"{node.name}::{method.name}" for method in methods}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


def test_the_table_has_every_section_and_no_promise_twice() -> None:
    assert list(dict.fromkeys(row.section for row in ROWS)) == SECTIONS
    assert len({(row.section, row.text) for row in ROWS}) == len(ROWS)
    assert len(ROWS) > 150


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}: {row.text}")
def test_a_promise_is_covered_by_tests_that_exist_or_says_what_it_waits_for(row: Promise) -> None:
    if row.cover.startswith(PENDING):
        assert len(row.cover) > len(PENDING) + 10
        return
    assert row.tests, f"no test is named for: {row.text}"
    assert NAME.sub("", row.cover).strip() == "", f"not the name of a test: {row.cover}"
    for path, name in row.tests:
        assert path.is_file(), f"there is no {path.relative_to(ROOT)}"
        assert name in defined_in(path), f"there is no {name} in {path.relative_to(ROOT)}"


def test_nothing_becomes_pending_by_accident() -> None:
    pending = [f"{row.section}: {row.text}" for row in ROWS if row.cover.startswith(PENDING)]
    assert len(pending) == PENDING_COUNT, "\n".join(pending)


def test_every_file_of_this_folder_holds_us_to_a_promise() -> None:
    named = {path.name for row in ROWS for path, _ in row.tests}
    files = {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}
    assert files <= named
