"""Chance from the operating system, fit for secrets."""

from __future__ import annotations

import secrets
import uuid
from typing import Final

import attrs

from ytmarket.domain.api_keys import KEY_PREFIX, SECRET_PREFIX

KEY_BYTES: Final = 32  # 43 characters of url-safe base64
LEASE_BYTES: Final = 16


@attrs.frozen
class SecretsTokens:
    """The Tokens port on the operating system's source of chance."""

    def api_key(self) -> str:
        return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)

    def secret(self) -> str:
        return SECRET_PREFIX + secrets.token_urlsafe(KEY_BYTES)

    def topup_id(self) -> str:
        return str(uuid.uuid4())

    def lease(self) -> str:
        return secrets.token_urlsafe(LEASE_BYTES)

    def below(self, bound: int) -> int:
        """Raises ValueError where *bound* is not positive."""
        return secrets.randbelow(bound)
