"""Chance that can be repeated: the same seed gives the same keys, ids and numbers."""

from __future__ import annotations

import random
from string import ascii_letters, digits
from typing import Final
from uuid import UUID

from ytmarket.domain.api_keys import KEY_PREFIX, SECRET_PREFIX

_LETTERS: Final = ascii_letters + digits
_LETTERS_PER_KEY: Final = 43  # as many as 256 bits need


class SeededTokens:
    """The `Tokens` port for simulations and tests. Whoever knows the seed knows every key."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def api_key(self) -> str:
        return KEY_PREFIX + self._letters()

    def secret(self) -> str:
        return SECRET_PREFIX + self._letters()

    def topup_id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def lease(self) -> str:
        return self._letters()

    def below(self, bound: int) -> int:
        return self._random.randrange(bound)

    def _letters(self) -> str:
        return "".join(self._random.choices(_LETTERS, k=_LETTERS_PER_KEY))
