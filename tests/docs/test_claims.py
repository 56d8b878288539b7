"""Figures in the prose are those of the code, and what a page says of this version holds."""

import inspect
from typing import Any, Final

import pytest

from tests.docs.reading import ROOT, text
from ytmarket.adapters.chains.evm.chains import ARBITRUM_FINALITY
from ytmarket.adapters.postgres import database, embedded_settings
from ytmarket.adapters.postgres.leadership import PAUSE_SECONDS
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application import orders, webhooks
from ytmarket.domain import limits, pricing, reservations, topups
from ytmarket.domain.money import CENT
from ytmarket.domain.networks import WalletFamily
from ytmarket.domain.webhooks import RECEIVER_SHARE
from ytmarket.entrypoints import seed, settings
from ytmarket.entrypoints.readers import EXTRAS, readers_of
from ytmarket.entrypoints.settings import Settings, SettingsError

WORDS: Final = {2: "two", 14: "fourteen", 15: "fifteen", 60: "sixty"}


def connections() -> int:
    """Those of both pools, one for leadership and one for the books."""
    options = inspect.signature(database.PostgresDatabase.open).parameters
    return int(options["writers"].default + options["readers"].default) + 2


CLAIMS: Final[list[tuple[str, str, Any]]] = [
    ("README.md", "holds {:,} USDT to play with", seed.DEMO_BALANCE.micros // 10**6),
    ("docs/operating.md", "PostgreSQL {} or newer", database.VERSION_MIN // 10_000),
    ("docs/operating.md", "Each process opens up to {} connections", WORDS[connections()]),
    (
        "docs/operating.md",
        "the embedded PostgreSQL takes {}",
        WORDS[int(embedded_settings.TUNING["max_connections"])],
    ),
    ("docs/operating.md", "at least {} characters", settings.ADMIN_TOKEN_CHARS_MIN),
    ("docs/adr/0002-one-order-desk-and-batches.md", "up to {}", orders.BATCH_ORDERS_MAX),
    ("docs/adr/0012-only-final-transfers.md", "at {} blocks", ARBITRUM_FINALITY.depth),
    ("docs/adr/0013-webhooks-share-one-process.md", "at most {} on their way", webhooks.AT_ONCE),
    ("docs/adr/0014-scanners-lead-by-advisory-locks.md", "every {} seconds", WORDS[int(PAUSE_SECONDS)]),
]


@pytest.mark.parametrize(("page", "claim", "figure"), CLAIMS)
def test_a_figure_is_the_codes(page: str, claim: str, figure: object) -> None:
    assert claim.format(figure) in text(ROOT / page)


def test_spans_and_distances_told_in_words() -> None:
    assert reservations.TOLERANCE == CENT, "docs: a cent either way"
    assert reservations.STEP == CENT * 3, "adr 9: three cents apart"
    assert reservations.REACH == CENT * 100, "adr 9: up to one USDT above"
    assert ARBITRUM_FINALITY.deep_above == CENT * 100_000, "adr 12: up to 1,000 USDT"
    assert RECEIVER_SHARE == 8, "adr 13: eight of them there already"
    assert pricing.NEAR == CENT * 2, "adr 6: a hit lies within two cents"
    assert (pricing.CAP_PERCENT, pricing.STEP_PERCENT) == (10, 1), "adr 6: eleven candidates, a percent each"
    assert pricing.WINDOW.total_seconds() == 15 * 60, "glossary, adr 6: a quarter of an hour"
    assert topups.TopupTerms().lifetime.total_seconds() == 3600, "glossary: good for an hour"
    assert limits.WEBHOOK_ATTEMPTS_MAX == 5, "changelog: sent at most five times"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"ton_wallet": "EQ"}, "YTMARKET_TON_RPC"),
        ({"evm_wallet": "0x" + "1" * 40}, "YTMARKET_BSC_RPC"),
    ],
)
def test_a_wallet_that_cannot_be_read_names_its_setting(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        readers_of(Settings(**settings), SystemClock())


def test_the_families_that_are_read_are_those_of_the_page() -> None:
    assert set(EXTRAS) == set(WalletFamily), "docs/settings.md: each network has its extra"
    assert set(EXTRAS.values()) == {"tron", "evm", "ton", "solana"}, "docs/settings.md: their names"
