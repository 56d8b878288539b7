"""Encryption at rest."""

from __future__ import annotations

from typing import Protocol

from ytmarket.application.errors import ApplicationError


class VaultError(ApplicationError):
    """This ciphertext cannot be opened here: another key, another place, or it was changed."""


class Vault(Protocol):
    """Seals what must not be read from a stolen database.

    * what was sealed opens to the same bytes in the same context;
    * in another context, changed, or under an unknown key it raises VaultError;
    * sealing the same bytes twice gives different ciphertexts;
    * equal content has equal fingerprints, which tell nothing of the content.
    """

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt for one place (table, column and row), named by *context*."""
        ...

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises `VaultError`."""
        ...

    def fingerprint(self, content: bytes) -> bytes:
        """A keyed digest by which duplicates are known."""
        ...
