"""Figures in the prose are those of the code, and what a page says of this version holds."""

import inspect
from typing import Any, Final

import pytest

from tests.docs.reading import ROOT, text
from ytmarket.adapters.postgres import database, embedded_settings
from ytmarket.application import orders
from ytmarket.domain import limits, pricing, reservations, topups
from ytmarket.domain.money import CENT
from ytmarket.entrypoints import seed, settings
from ytmarket.entrypoints.asgi import create_app
from ytmarket.entrypoints.settings import Settings, SettingsError
from ytmarket.testing.postgres import temporary_data_dir

WORDS: Final = {12: "twelve", 15: "fifteen", 60: "sixty"}


def pool_sizes() -> int:
    options = inspect.signature(database.PostgresDatabase.open).parameters
    return int(options["writers"].default + options["readers"].default)


CLAIMS: Final[list[tuple[str, str, Any]]] = [
    ("README.md", "holds {:,} USDT to play with", seed.DEMO_BALANCE.micros // 10**6),
    ("docs/operating.md", "PostgreSQL {} or newer", database.VERSION_MIN // 10_000),
    ("docs/operating.md", "Each process opens up to {} connections", WORDS[pool_sizes()]),
    (
        "docs/operating.md",
        "the embedded PostgreSQL takes {}",
        WORDS[int(embedded_settings.TUNING["max_connections"])],
    ),
    ("docs/operating.md", "at least {} characters", settings.ADMIN_TOKEN_CHARS_MIN),
    ("docs/adr/0002-one-order-desk-and-batches.md", "up to {}", orders.BATCH_ORDERS_MAX),
]


@pytest.mark.parametrize(("page", "claim", "figure"), CLAIMS)
def test_a_figure_is_the_codes(page: str, claim: str, figure: object) -> None:
    assert claim.format(figure) in text(ROOT / page)


def test_spans_and_distances_told_in_words() -> None:
    assert reservations.TOLERANCE == CENT, "docs: a cent either way"
    assert pricing.NEAR == CENT * 2, "adr 6: a hit lies within two cents"
    assert (pricing.CAP_PERCENT, pricing.STEP_PERCENT) == (10, 1), "adr 6: eleven candidates, a percent each"
    assert pricing.WINDOW.total_seconds() == 15 * 60, "glossary, adr 6: a quarter of an hour"
    assert topups.TopupTerms().lifetime.total_seconds() == 3600, "glossary: good for an hour"
    assert limits.WEBHOOK_ATTEMPTS_MAX == 5, "changelog: sent at most five times"


async def test_this_version_reads_devnet_only() -> None:
    """When this fails, docs/settings.md has something better to say."""
    assert "This version reads devnet only" in text(ROOT / "docs/settings.md")
    with temporary_data_dir() as data_dir:
        app = create_app(Settings(data_dir=data_dir, tron_wallet="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"))
        with pytest.raises(SettingsError, match="devnet"):
            async with app.router.lifespan_context(app):
                pytest.fail("it opened")
