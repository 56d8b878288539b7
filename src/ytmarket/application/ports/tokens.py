"""Chance: whatever must not be guessed, or must merely differ."""

from __future__ import annotations

from typing import Protocol


class Tokens(Protocol):
    """A source of chance; a simulator seeds its own.

    * keys, secrets, top-up ids and leases never repeat, and cannot be guessed.
    """

    def api_key(self) -> str:
        """A new API key."""
        ...

    def secret(self) -> str:
        """A new HMAC secret."""
        ...

    def topup_id(self) -> str:
        """A UUID in text."""
        ...

    def lease(self) -> str:
        """A token that fences off a worker whose lease has ended."""
        ...

    def below(self, bound: int) -> int:
        """A whole number from 0 to just under *bound*, each equally likely."""
        ...
