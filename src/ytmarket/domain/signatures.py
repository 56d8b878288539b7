"""Request and webhook signatures: HMAC-SHA256 over the timestamp, a newline and the raw body."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

import attrs

from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidSignature
from ytmarket.domain.ids import ApiKeyId
from ytmarket.domain.times import epoch_seconds

_EPOCH_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEX_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@attrs.frozen
class UsedSignature:
    """A verified signature of one key; it is good once."""

    api_key_id: ApiKeyId
    digest: bytes


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature as it stands in the header: lower-case hex."""
    return _digest(secret, timestamp, body).hex()


def verify(
    api_key_id: ApiKeyId,
    secret: bytes,
    *,
    timestamp: str | None,
    signature: str | None,
    body: bytes,
    now: datetime,
) -> UsedSignature:
    """Check a request's two headers against its raw body. Raises `InvalidSignature`."""
    if timestamp is None or signature is None:
        raise InvalidSignature(reason="this key signs its POSTs: send X-Timestamp and X-Signature")
    if not _EPOCH_SECONDS.fullmatch(timestamp):
        raise InvalidSignature(reason="X-Timestamp must be Unix time in whole seconds")
    if not _HEX_DIGEST.fullmatch(signature):
        raise InvalidSignature(reason="X-Signature must be 64 hexadecimal digits")
    drift = abs(epoch_seconds(now) - int(timestamp))
    if drift > limits.SIGNATURE_DRIFT_SECONDS:
        raise InvalidSignature(
            reason=f"X-Timestamp is {drift} s away from this server's clock, more than"
            f" {limits.SIGNATURE_DRIFT_SECONDS} s"
        )
    digest = bytes.fromhex(signature)
    if not hmac.compare_digest(digest, _digest(secret, timestamp, body)):
        raise InvalidSignature(
            reason="X-Signature does not match: sign the timestamp, a newline and the exact body bytes"
        )
    return UsedSignature(api_key_id, digest)


def _digest(secret: bytes, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(secret, timestamp.encode("ascii") + b"\n" + body, hashlib.sha256)
