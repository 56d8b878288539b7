"""Encryption at rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ytmarket.application.errors import ApplicationError


class VaultError(ApplicationError):
    """This ciphertext cannot be opened here: another key, another place, or it was changed."""


class Vault(Protocol):
    """Seals what must not be read from a stolen database.

    * what was sealed opens to the same bytes in the same context;
    * in another context, changed, or under an unknown key it raises VaultError;
    * sealing the same bytes twice gives different ciphertexts;
    * equal content has equal fingerprints, which tell nothing of the content;
    * after a change of key, what was sealed before still opens and needs resealing, and content is
      known by its former fingerprint.
    """

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt for one place (table, column and row), named by *context*."""
        ...

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises `VaultError`."""
        ...

    def needs_resealing(self, sealed: bytes) -> bool:
        """Whether a former key sealed it, which cannot be taken away before. Raises `VaultError`."""
        ...

    def fingerprint(self, content: bytes) -> bytes:
        """A keyed digest by which duplicates are known."""
        ...

    def former_fingerprints(self, content: bytes) -> Sequence[bytes]:
        """What it was known by under each former key."""
        ...
