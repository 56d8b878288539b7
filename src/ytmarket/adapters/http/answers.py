"""Answers that went well."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from ytmarket.adapters.http.wire.encoding import encode

MEDIA_TYPE: Final = "application/json"
REPLAYED: Final = {"Idempotent-Replayed": "true"}


def answer(content: Any, status: int = 200) -> Response:
    """One of the wire's types, as JSON."""
    return Response(encode(content), status, media_type=MEDIA_TYPE)


def rendered_answer(body: bytes) -> Response:
    """What is JSON already."""
    return Response(body, media_type=MEDIA_TYPE)


def kept_answer(body: bytes, *, replayed: bool) -> Response:
    """An answer that is kept byte for byte, and given again to a request that is repeated."""
    return Response(body, headers=REPLAYED if replayed else None, media_type=MEDIA_TYPE)
