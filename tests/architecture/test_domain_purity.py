"""The domain computes with whole numbers, and knows only attrs and the pure part of the standard library."""

from pathlib import Path

import pytest

from tests.architecture.source_rules import violations

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = sorted((ROOT / "src/ytmarket/domain").rglob("*.py"))


def test_there_is_a_domain_to_look_at() -> None:
    assert len(DOMAIN) > 10


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_domain_file_is_pure(path: Path) -> None:
    assert list(violations(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("planted", "breach"),
    [
        ("fee = 0.5", "the literal 0.5"),
        ("fee = 1e3", "the literal 1000.0"),
        ("fee = float(text)", "float"),
        ("def fee(x: float): ...", "float"),
        ("fee = amount / 2", "division with /"),
        ("amount /= 2", "division with /"),
        ("at = datetime.now(UTC)", ".now reads a clock"),
        ("at = date.today()", ".today reads a clock"),
        ("left = (a - b).total_seconds()", ".total_seconds answers in floating point"),
        ("import time", "import of time"),
        ("import attrs, os.path", "import of os.path"),
        ("from random import choice", "import of random"),
        ("from starlette.requests import Request", "import of starlette.requests"),
        ("from ytmarket.application import orders", "import of ytmarket.application"),
        ("from ytmarket.domain_extras import x", "import of ytmarket.domain_extras"),
        ("def f():\n    import uuid", "import of uuid"),
        ("from . import money", "a relative import"),
    ],
)
def test_a_planted_breach_is_found(planted: str, breach: str) -> None:
    assert [found.split(": ", 1)[1] for found in violations(planted)] == [breach]


@pytest.mark.parametrize(
    "innocent",
    [
        "half = amount // 2",
        "from urllib.parse import urlsplit",
        "import attrs",
        "at = facts.now",
        "from collections.abc import Iterable",
        "from ytmarket.domain.money import Usdt",
        "note = 'a float, 0.5 or datetime.now() in a sentence'",
        "path = folder.joinpath('a/b')",
    ],
)
def test_what_is_allowed_is_let_through(innocent: str) -> None:
    assert list(violations(innocent)) == []
