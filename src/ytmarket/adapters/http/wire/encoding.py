"""Answers as JSON bytes: compact, in UTF-8, numbers written out exactly."""

from __future__ import annotations

from typing import Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

encode: Final = _ENCODER.encode
