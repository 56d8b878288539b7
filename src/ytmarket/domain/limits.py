"""The limits that clients are told about, each in one place."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ytmarket.domain.money import Usdt

QUANTITY_MIN: Final = 1
QUANTITY_MAX: Final = 10_000
TOPUP_MIN: Final = Usdt.of(1)
TOPUP_MAX: Final = Usdt.of(100_000)
PAGE_SIZE_DEFAULT: Final = 50
PAGE_SIZE_MAX: Final = 200
PAGE_MAX: Final = 1_000_000
REQUESTS_PER_MINUTE: Final = 60
BODY_BYTES_MAX: Final = 65_536
WEBHOOK_URL_CHARS_MAX: Final = 2_048
WEBHOOK_ATTEMPTS_MAX: Final = 5
WEBHOOK_TIMEOUT: Final = timedelta(seconds=10)
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255
IDEMPOTENCY_KEPT: Final = timedelta(hours=48)
SIGNATURE_DRIFT_SECONDS: Final = 300
# A timestamp may lie 300 s ahead, and is good for its whole last second: ten minutes and one.
SIGNATURE_KEPT: Final = timedelta(minutes=10, seconds=1)
REASON_CHARS_MAX: Final = 500
NAME_CHARS_MAX: Final = 200
RANGES_MAX: Final = 100
ID_MAX: Final = 2**63 - 1
AMOUNT_MAX: Final = Usdt.of(10**12)  # in micros this still fits a signed 64-bit integer
