import re
import uuid
from collections import Counter
from collections.abc import Callable

import pytest

from ytmarket.adapters.system.tokens import SecretsTokens
from ytmarket.domain.api_keys import KEY_CHARS_MAX

TOKENS = SecretsTokens()


@pytest.mark.parametrize("make", [TOKENS.api_key, TOKENS.secret, TOKENS.topup_id, TOKENS.lease])
def test_none_comes_twice(make: Callable[[], str]) -> None:
    assert len({make() for _ in range(10_000)}) == 10_000


def test_a_key_and_a_secret_carry_256_bits_and_can_be_told_apart() -> None:
    assert re.fullmatch(r"ytm_[A-Za-z0-9_-]{43}", TOKENS.api_key())
    assert re.fullmatch(r"yts_[A-Za-z0-9_-]{43}", TOKENS.secret())
    assert len(TOKENS.api_key()) <= KEY_CHARS_MAX


def test_a_topup_id_is_a_random_uuid() -> None:
    text = TOKENS.topup_id()
    assert str(uuid.UUID(text)) == text
    assert uuid.UUID(text).version == 4


def test_a_lease_carries_128_bits() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", TOKENS.lease())


def test_every_number_below_the_bound_is_drawn_about_as_often() -> None:
    drawn = Counter(TOKENS.below(7) for _ in range(7_000))
    assert set(drawn) == set(range(7))
    assert all(700 < count < 1_300 for count in drawn.values())  # nine standard deviations
    assert {TOKENS.below(1) for _ in range(100)} == {0}


def test_there_is_nothing_below_zero() -> None:
    with pytest.raises(ValueError, match="positive"):
        TOKENS.below(0)
