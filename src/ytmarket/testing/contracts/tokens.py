"""What every source of chance promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import prod
from uuid import UUID

import pytest

from ytmarket.application.ports.tokens import Tokens
from ytmarket.domain.api_keys import KEY_CHARS_MAX
from ytmarket.testing.contracts.base import Contract

DRAWS = 500
BITS_MIN = 120


class TokensContract(Contract):
    """The promises of the `Tokens` port. Needs the fixture `tokens`."""

    @pytest.mark.parametrize("kind", ["api_key", "secret", "topup_id", "lease"])
    async def test_no_token_comes_twice(self, tokens: Tokens, kind: str) -> None:
        draw: Callable[[], str] = getattr(tokens, kind)
        assert len({draw() for _ in range(DRAWS)}) == DRAWS

    @pytest.mark.parametrize("kind", ["api_key", "secret", "lease"])
    async def test_no_token_can_be_guessed(self, tokens: Tokens, kind: str) -> None:
        draw: Callable[[], str] = getattr(tokens, kind)
        places = zip(*(draw() for _ in range(DRAWS)), strict=False)
        # As many tokens as there are, if every place takes any letter that it was seen to take.
        assert prod(len(set(letters)) for letters in places) >= 2**BITS_MIN

    async def test_keys_fit_into_a_header(self, tokens: Tokens) -> None:
        for token in (tokens.api_key(), tokens.secret()):
            assert token.isascii()
            assert token.isprintable()
            assert " " not in token
            assert len(token) <= KEY_CHARS_MAX
        assert tokens.api_key()[:4] != tokens.secret()[:4]  # nobody takes one for the other

    async def test_a_topup_id_is_a_random_uuid_in_text(self, tokens: Tokens) -> None:
        text = tokens.topup_id()
        assert str(UUID(text)) == text
        assert UUID(text).version == 4

    async def test_numbers_are_below_the_bound_and_equally_likely(self, tokens: Tokens) -> None:
        drawn = Counter(tokens.below(4) for _ in range(4_000))
        assert set(drawn) == {0, 1, 2, 3}
        # The odds that a fair source strays so far are below one in a billion.
        assert all(800 < count < 1_200 for count in drawn.values())

    async def test_below_one_there_is_only_zero(self, tokens: Tokens) -> None:
        assert {tokens.below(1) for _ in range(10)} == {0}
