"""No test replaces what it tests: mocking libraries are barred everywhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("src", "tests", "examples") for path in (ROOT / folder).rglob("*.py"))
MOCKS = ("unittest.mock", "mock", "pytest_mock")


def mocks(source: str) -> Iterator[str]:
    """Each import of a mocking library."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name in MOCKS)
            case ast.ImportFrom(module=str(module), names=names):
                full = [module, *(f"{module}.{name.name}" for name in names)]
                yield from (name for name in full if name in MOCKS)
            case _:
                pass


def test_no_file_imports_a_mocking_library() -> None:
    users = {str(path.relative_to(ROOT)) for path in FILES if list(mocks(path.read_text(encoding="utf-8")))}
    assert users == set()


@pytest.mark.parametrize(
    "planted",
    [
        "from unittest import mock",
        "from unittest.mock import patch",
        "import unittest.mock",
        "import mock",
        "from pytest_mock import MockerFixture",
    ],
)
def test_a_planted_mock_is_found(planted: str) -> None:
    assert len(list(mocks(planted))) == 1


def test_the_word_alone_is_no_mock() -> None:
    assert list(mocks('from unittest import TestCase\nimport attrs\nnote = "import mock"')) == []
