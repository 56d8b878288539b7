"""A vault in memory: it keeps what it seals, and hands out tickets for it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from ytmarket.application.ports.vault import VaultError

_TICKET_BYTES: Final = 32
_FINGERPRINT_BYTES: Final = 32


class InMemoryVault:
    """The `Vault` port. No ticket says anything of the content, so a stolen one is worth nothing.

    Tickets open only in the vault that made them, or in one that was told of it as its *former* one,
    and only as long as it lives.
    """

    def __init__(
        self,
        token_bytes: Callable[[int], bytes] = secrets.token_bytes,
        *,
        former: InMemoryVault | None = None,
    ) -> None:
        self._token_bytes = token_bytes
        self._former = former
        self._kept: dict[bytes, tuple[str, bytes]] = {}
        self._fingerprint_key = token_bytes(_FINGERPRINT_BYTES)

    def seal(self, plain: bytes, context: str) -> bytes:
        ticket = self._token_bytes(_TICKET_BYTES)
        self._kept[ticket] = (context, plain)
        return ticket

    def open(self, sealed: bytes, context: str) -> bytes:
        if self._former is not None and self.needs_resealing(sealed):
            return self._former.open(sealed, context)
        try:
            place, plain = self._kept[bytes(sealed)]
        except KeyError:
            raise VaultError("this vault sealed nothing of the kind") from None
        if place != context:
            raise VaultError(f"it was sealed for another place than {context}")
        return plain

    def needs_resealing(self, sealed: bytes) -> bool:
        if bytes(sealed) in self._kept:
            return False
        if self._former is None:
            raise VaultError("this vault sealed nothing of the kind")
        self._former.needs_resealing(sealed)
        return True

    def former_fingerprints(self, content: bytes) -> Sequence[bytes]:
        former = self._former
        return [] if former is None else [former.fingerprint(content), *former.former_fingerprints(content)]

    def fingerprint(self, content: bytes) -> bytes:
        keyed = hashlib.blake2b(content, key=self._fingerprint_key, digest_size=_FINGERPRINT_BYTES)
        return keyed.digest()
