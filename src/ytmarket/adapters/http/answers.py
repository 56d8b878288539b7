"""Answers that went well."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from ytmarket.adapters.http.wire.encoding import encode

JSON: Final = (b"content-type", b"application/json")
REPLAYED: Final = (b"idempotent-replayed", b"true")


class JsonResponse(Response):
    """Bytes that are JSON already. Starlette's own would encode the same headers anew for each answer."""

    media_type = "application/json"

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), JSON]


def answer(content: Any, status: int = 200) -> Response:
    """One of the wire's types, as JSON."""
    return JsonResponse(encode(content), status)


def rendered_answer(body: bytes) -> Response:
    """What is JSON already."""
    return JsonResponse(body)


def kept_answer(body: bytes, *, replayed: bool) -> Response:
    """An answer that is kept byte for byte, and given again to a request that is repeated."""
    response = JsonResponse(body)
    if replayed:
        response.raw_headers.append(REPLAYED)
    return response
