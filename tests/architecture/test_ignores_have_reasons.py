"""Whoever silences the linter or the type checker says which rule, and why."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "tools", "bench", "examples")
FILES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts
)
SILENCES = re.compile(r"#\s*(?:(?:ruff|flake8):\s*)?noqa\b|#\s*type:\s*ignore\b|#\s*mypy:", re.IGNORECASE)
EXPLAINED = (
    re.compile(r"# noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - \w.*"),
    re.compile(r"# type: ignore\[[a-z-]+(?:,[a-z-]+)*\] # \w.*"),
)


def unexplained(source: str) -> Iterator[str]:
    """Each ignore that lacks its rule or its reason, as `line: comment`."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            for silence in SILENCES.finditer(token.string):
                comment = token.string[silence.start() :]
                if not any(explained.fullmatch(comment) for explained in EXPLAINED):
                    yield f"{token.start[0]}: {comment}"


def test_there_are_files_in_every_folder() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(FOLDERS)


def test_every_ignore_names_its_rule_and_its_reason() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        for line in unexplained(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: E731",
        "x = 1  # noqa: E731 -",
        "x = 1  # noqa - because",
        "x = 1  # NOQA:E731",
        "# ruff: noqa",
        "# ruff: noqa: E731",
        "# flake8: noqa",
        "# mypy: ignore-errors",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore # because",
        "x = 1  # type: ignore[misc]",
        "x = 1  # type:ignore[misc]",
        "x = 1  # type: ignore[misc] #",
        "x = 1  # type: ignore[misc] # because  # noqa: E731",
    ],
)
def test_a_planted_one_is_found(planted: str) -> None:
    assert len(list(unexplained(planted))) == 1


@pytest.mark.parametrize(
    "innocent",
    [
        "x = 1  # noqa: E731 - it is handed on",
        "x = 1  # noqa: ARG002, ASYNC109 - the library's signature",
        "x = 1  # type: ignore[misc] # bound at once",
        "x = 1  # type: ignore[assignment,method-assign] # names have capitals",
        "x = '# noqa'  # a text about it",
    ],
)
def test_what_is_explained_is_let_through(innocent: str) -> None:
    assert list(unexplained(innocent)) == []
