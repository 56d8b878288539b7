"""Every source of chance keeps the promises of the Tokens port."""

from __future__ import annotations

import pytest

from ytmarket.adapters.inmemory import SeededTokens
from ytmarket.adapters.system.tokens import SecretsTokens
from ytmarket.application.ports.tokens import Tokens
from ytmarket.testing.contracts import TokensContract


def _story(tokens: Tokens) -> list[object]:
    return [tokens.api_key(), tokens.secret(), tokens.topup_id(), tokens.lease(), tokens.below(1_000)]


class TestSeededTokens(TokensContract):
    @pytest.fixture
    def tokens(self) -> Tokens:
        return SeededTokens(1)

    async def test_the_same_seed_tells_the_same_story(self) -> None:
        assert _story(SeededTokens(7)) == _story(SeededTokens(7))
        assert not set(_story(SeededTokens(7))[:4]) & set(_story(SeededTokens(8))[:4])


class TestSecretsTokens(TokensContract):
    @pytest.fixture
    def tokens(self) -> Tokens:
        return SecretsTokens()
