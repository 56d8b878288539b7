"""Encryption at rest: AES-256-GCM, with each ciphertext bound to its place and its key.

A sealed text is: one byte for the format, four that name the master key, a nonce of twelve, and the
ciphertext with its tag. The first five bytes and the place's name are authenticated along with it.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence
from typing import Final

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ytmarket.adapters.system.master_key import KEY_BYTES, SETTING, MasterKeyError, MasterKeys
from ytmarket.application.ports.vault import VaultError

FORMAT: Final = b"\x01"
KEY_ID_BYTES: Final = 4
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HEADER_BYTES: Final = len(FORMAT) + KEY_ID_BYTES


@attrs.frozen
class _SealingKey:
    """What one master key gives for sealing. Its id is derived, so it is the same in every keyring."""

    header: bytes
    cipher: AESGCM = attrs.field(repr=False)

    @classmethod
    def of(cls, master: bytes) -> _SealingKey:
        key_id = _derive(master, b"key id", KEY_ID_BYTES)
        return cls(FORMAT + key_id, AESGCM(_derive(master, b"sealing", KEY_BYTES)))


@attrs.frozen
class AesGcmVault:
    """The Vault port on the master keys: the current one seals, all of them open."""

    _current: _SealingKey
    _by_header: Mapping[bytes, _SealingKey]
    _fingerprint_key: bytes = attrs.field(repr=False)
    _former_fingerprint_keys: tuple[bytes, ...] = attrs.field(repr=False)

    @classmethod
    def of(cls, keys: MasterKeys) -> AesGcmVault:
        ring = [_SealingKey.of(master) for master in (keys.current, *keys.old)]
        by_header = {key.header: key for key in ring}
        if len(by_header) < len(ring):
            raise MasterKeyError("two of the keys have the same id; make another current key")
        fingerprint_key, *former = (
            _derive(master, b"fingerprint", KEY_BYTES) for master in (keys.current, *keys.old)
        )
        return cls(ring[0], by_header, fingerprint_key, tuple(former))

    def seal(self, plain: bytes, context: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        header = self._current.header
        return header + nonce + self._current.cipher.encrypt(nonce, plain, header + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        key = self._key_of(sealed)
        nonce, body = sealed[HEADER_BYTES:][:NONCE_BYTES], sealed[HEADER_BYTES + NONCE_BYTES :]
        try:
            return key.cipher.decrypt(nonce, body, key.header + context.encode())
        except InvalidTag:
            raise VaultError("it was changed, or sealed for another place than " + context) from None

    def fingerprint(self, content: bytes) -> bytes:
        """Under the current key alone: whoever seals a row anew takes its fingerprint anew as well."""
        return hmac.digest(self._fingerprint_key, content, "sha256")

    def former_fingerprints(self, content: bytes) -> Sequence[bytes]:
        return [hmac.digest(key, content, "sha256") for key in self._former_fingerprint_keys]

    def needs_resealing(self, sealed: bytes) -> bool:
        return self._key_of(sealed) is not self._current

    def _key_of(self, sealed: bytes) -> _SealingKey:
        if len(sealed) < HEADER_BYTES + NONCE_BYTES + TAG_BYTES or not sealed.startswith(FORMAT):
            raise VaultError("it is not a text that this vault sealed")
        header = sealed[:HEADER_BYTES]
        key = self._by_header.get(header)
        if key is None:
            key_id = header.removeprefix(FORMAT).hex()
            raise VaultError(f"the master key {key_id} sealed it; add that key at the end of {SETTING}")
        return key


def _derive(master: bytes, purpose: bytes, length: int) -> bytes:
    """A key for one purpose, which tells nothing of the master key or of its other children."""
    return HKDF(SHA256(), length, salt=None, info=b"ytmarket/1/" + purpose).derive(master)
