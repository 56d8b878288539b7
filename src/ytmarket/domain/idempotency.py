"""Idempotency keys: a request that may be sent again has its effect once and its answer as often."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final

import attrs

from ytmarket.domain import limits
from ytmarket.domain.errors import IdempotencyMismatch, InvalidRequest

_VISIBLE: Final = re.compile(r"[!-~]+", re.ASCII)


@attrs.frozen
class Attempt:
    """A request made under an idempotency key; the digest covers its path and its raw body."""

    key: str
    digest: bytes

    @classmethod
    def of(cls, key: str, path: str, body: bytes) -> Attempt:
        """Raises `InvalidRequest` for a key that is not 1 to 255 visible ASCII characters."""
        if len(key) > limits.IDEMPOTENCY_KEY_CHARS_MAX or not _VISIBLE.fullmatch(key):
            raise InvalidRequest(
                pointer="",
                problem=f"Idempotency-Key must be 1 to {limits.IDEMPOTENCY_KEY_CHARS_MAX} visible"
                " ASCII characters",
            )
        return cls(key, hashlib.sha256(path.encode() + b"\n" + body).digest())


@attrs.frozen(kw_only=True)
class StoredAnswer:
    """What a finished request was answered, byte for byte."""

    digest: bytes
    answer: bytes
    at: datetime

    def answers(self, attempt: Attempt) -> bool:
        return self.digest == attempt.digest

    def replay(self, attempt: Attempt) -> bytes:
        """Raises `IdempotencyMismatch` when the key was used for another request."""
        if not self.answers(attempt):
            raise IdempotencyMismatch
        return self.answer
