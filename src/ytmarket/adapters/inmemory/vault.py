"""A vault in memory: it keeps what it seals, and hands out tickets for it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

from ytmarket.application.ports.vault import VaultError

_TICKET_BYTES: Final = 32
_FINGERPRINT_BYTES: Final = 32


class InMemoryVault:
    """The `Vault` port. No ticket says anything of the content, so a stolen one is worth nothing.

    Tickets open only in the vault that made them and only as long as it lives.
    """

    def __init__(self, token_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._token_bytes = token_bytes
        self._kept: dict[bytes, tuple[str, bytes]] = {}
        self._fingerprint_key = token_bytes(_FINGERPRINT_BYTES)

    def seal(self, plain: bytes, context: str) -> bytes:
        ticket = self._token_bytes(_TICKET_BYTES)
        self._kept[ticket] = (context, plain)
        return ticket

    def open(self, sealed: bytes, context: str) -> bytes:
        try:
            place, plain = self._kept[bytes(sealed)]
        except KeyError:
            raise VaultError("this vault sealed nothing of the kind") from None
        if place != context:
            raise VaultError(f"it was sealed for another place than {context}")
        return plain

    def fingerprint(self, content: bytes) -> bytes:
        keyed = hashlib.blake2b(content, key=self._fingerprint_key, digest_size=_FINGERPRINT_BYTES)
        return keyed.digest()
