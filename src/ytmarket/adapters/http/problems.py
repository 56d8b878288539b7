"""Refusals and failures as `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from ytmarket.adapters.http import refusals
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.money import on_the_wire
from ytmarket.application.errors import Unavailable
from ytmarket.domain import errors
from ytmarket.domain.errors import InvalidRequest, Refused

MEDIA_TYPE: Final = "application/problem+json"
DOCS: Final = "/api/docs"
TOPUP_PATH: Final = "/api/v1/balance/topup"
RETRY_SECONDS: Final = 2
RESERVED: Final = frozenset({"type", "title", "status", "detail", "code", "request_id"})

# Looked up along the class's ancestry, the nearest first.
STATUS_OF: Final[Mapping[type[BaseException], int]] = {
    errors.BelowMinimum: 400,
    errors.InvalidKey: 401,
    errors.InvalidSignature: 401,
    errors.SignatureReplayed: 401,
    refusals.InvalidMetricsToken: 401,
    refusals.InvalidToken: 401,
    errors.InsufficientBalance: 402,
    errors.AddressNotAllowed: 403,
    errors.NotFound: 404,
    refusals.MethodNotAllowed: 405,
    refusals.BodyTooSlow: 408,
    errors.Conflict: 409,
    refusals.BodyTooLarge: 413,
    errors.InvalidRequest: 422,
    errors.IdempotencyMismatch: 422,
    errors.RateLimited: 429,
    errors.InvoicesUnavailable: 501,
    Unavailable: 503,
}
UNEXPECTED: Final = 500


def status_of(trouble: BaseException) -> int:
    """The HTTP status that the class of this exception stands for; 500 if it stands for none."""
    for ancestor in type(trouble).__mro__:
        if ancestor in STATUS_OF:
            return STATUS_OF[ancestor]
    return UNEXPECTED


def is_unexpected(trouble: BaseException) -> bool:
    """Whether this is a fault of ours that somebody should look at."""
    return status_of(trouble) == UNEXPECTED


def response(trouble: Exception, request_id: str, root_path: str = "") -> Response:
    """The answer that tells a client what went wrong and how to go on.

    *root_path* is where the shop is mounted, as ASGI tells it: docs and top-ups are below it.
    """
    root = quote(root_path.rstrip("/")) if root_path else ""
    status = status_of(trouble)
    if isinstance(trouble, Refused) and status != UNEXPECTED:
        title, detail, extras = trouble.sentence(), _detail(trouble, root), _extras(trouble, root)
        code = trouble.code
    elif isinstance(trouble, Unavailable):
        title = detail = _sentence(type(trouble))
        code = trouble.code
        extras = {"not_ready": trouble.parts} if isinstance(trouble, refusals.NotReady) else {}
    else:
        title = "Something went wrong on our side"
        detail = f"{title}; tell support the request_id"
        code, extras = "internal_error", {}
    body = {
        "type": f"{root}{DOCS}#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **extras,
    }
    return Response(encode(body), status, _headers(trouble, status), MEDIA_TYPE)


def _detail(refusal: Refused, root: str) -> str:
    match refusal:
        case InvalidRequest():
            place = f"{refusal.pointer}: " if refusal.pointer else ""
            return f"{place}{refusal.problem}"
        case errors.InvalidSignature():
            return refusal.reason
        case errors.BelowMinimum():
            return f"Order at least {refusal.min_quantity} units of this product"
        case errors.InsufficientStock():
            return f"Only {refusal.available} units are in stock"
        case errors.InsufficientBalance():
            return (
                f"The balance is {refusal.balance_usdt} USDT and the price {refusal.required_usdt} USDT:"
                f" top up at least {refusal.shortfall_usdt} USDT with POST {root}{TOPUP_PATH},"
                " then order again"
            )
        case _:
            return refusal.sentence()


def _extras(refusal: Refused, root: str) -> dict[str, Any]:
    """What the client needs to go on; a name that problems give a meaning of their own is prefixed."""
    told = {
        f"order_{name}" if name in RESERVED else name: on_the_wire(value)
        for name, value in refusal.extras().items()
    }
    if isinstance(refusal, InvalidRequest):
        told["errors"] = [{"pointer": refusal.pointer, "detail": refusal.problem}]
    if isinstance(refusal, errors.InsufficientBalance):
        told["topup_path"] = f"{root}{TOPUP_PATH}"
    return told


def _headers(trouble: Exception, status: int) -> dict[str, str]:
    match trouble:
        case errors.RateLimited():
            return {"Retry-After": str(trouble.retry_after)}
        case Unavailable() | errors.IdempotencyInFlight():
            return {"Retry-After": str(RETRY_SECONDS)}
        case refusals.MethodNotAllowed():
            return {"Allow": ", ".join(trouble.allow)}
        case refusals.InvalidToken() | refusals.InvalidMetricsToken():
            return {"WWW-Authenticate": 'Bearer realm="ytmarket"'}
        case _:
            return {"WWW-Authenticate": 'ApiKey realm="ytmarket"'} if status == 401 else {}


def _sentence(kind: type[BaseException]) -> str:
    return (kind.__doc__ or kind.__name__).partition("\n")[0].rstrip(".")
