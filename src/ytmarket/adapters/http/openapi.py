"""The OpenAPI 3.1 document, made from the very types that read requests and write answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import attrs
import msgspec

from ytmarket.adapters.http import problems, refusals, samples
from ytmarket.adapters.http.routes.health import HealthView
from ytmarket.adapters.http.wire.accounts import BalanceView, TransactionView, UsageView
from ytmarket.adapters.http.wire.bodies import ID_MAX
from ytmarket.adapters.http.wire.catalog import CategoryView, ProductView
from ytmarket.adapters.http.wire.deposits import DepositsView
from ytmarket.adapters.http.wire.lists import Page
from ytmarket.adapters.http.wire.money import Amount
from ytmarket.adapters.http.wire.orders import EventView, OrderBody, OrderView
from ytmarket.adapters.http.wire.topups import TopupBody, TopupView
from ytmarket.application.errors import OutcomeUnknown, Unavailable
from ytmarket.domain import errors, limits
from ytmarket.domain.errors import Refused
from ytmarket.domain.networks import Network

REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"
AMOUNT_SCHEMA: Final[dict[str, Any]] = {
    "description": "USDT: a number, or a string of its digits; at most two decimals where it is requested",
    "anyOf": [
        {"type": "number", "minimum": 0, "exclusiveMaximum": 10**12},
        {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$"},
    ],
}
KEY: Final = "ApiKey"
SIGNATURE: Final = ("Timestamp", "Signature")
SCHEMES: Final[Mapping[str, tuple[str, str]]] = {
    KEY: ("X-API-Key", "The key; with every request"),
    "Timestamp": ("X-Timestamp", "For keys with a secret, on POST: Unix time in whole seconds"),
    "Signature": (
        "X-Signature",
        "For keys with a secret, on POST: HMAC-SHA256 in hex of the timestamp, a line feed and the body",
    ),
}
ALWAYS: Final = (errors.InvalidKey, errors.AddressNotAllowed, errors.RateLimited, Unavailable)
ON_POST: Final = (
    errors.InvalidSignature,
    errors.SignatureReplayed,
    errors.InvalidRequest,
    errors.IdempotencyMismatch,
    errors.IdempotencyInFlight,
    refusals.BodyTooSlow,
    refusals.BodyTooLarge,
    OutcomeUnknown,
)
ON_WEBHOOKS: Final[Mapping[str, str]] = {
    "X-Webhook-Id": "Names the event: the same on every attempt, so keep it to drop repetitions",
    "X-Webhook-Timestamp": "If your key has a secret: Unix time of this attempt, part of what is signed",
    "X-Webhook-Signature": "If your key has a secret: HMAC-SHA256 in hex",
    "X-Webhook-Algorithm": "If your key has a secret: HMAC-SHA256",
}
SENT_AGAIN: Final = f"Sent again, up to {limits.WEBHOOK_ATTEMPTS_MAX} attempts in all"


class Problem(msgspec.Struct):
    """Why a request was refused (RFC 9457), with what is needed to go on in further members."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


@attrs.frozen(kw_only=True)
class Operation:
    """One method of one path, as the document tells it."""

    method: str
    path: str
    summary: str
    answers: Any
    body: type[msgspec.Struct] | None = None
    parameters: Sequence[Mapping[str, object]] = ()
    refused: Sequence[type[Refused | Unavailable]] = ()


def _parameter(
    place: str, name: str, schema: Mapping[str, object], description: str, *, required: bool = False
) -> dict[str, object]:
    told = {"name": name, "in": place, "required": required, "description": description}
    return {**told, "schema": schema}


def _query(
    name: str, schema: Mapping[str, object], description: str, *, required: bool = False
) -> dict[str, object]:
    return _parameter("query", name, schema, description, required=required)


def _in_path(schema: Mapping[str, object], description: str) -> dict[str, object]:
    return _parameter("path", "id", schema, description, required=True)


REPEATABLE: Final = _parameter(
    "header",
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "Makes it safe to send again",
)
NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": ID_MAX}
PRICE: Final = {"type": "number", "minimum": 0, "maximum": 1_000_000, "multipleOf": 0.01}
TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\u0000]+$"}
PAGING: Final = (
    _query("page", {"type": "integer", "minimum": 1, "maximum": limits.PAGE_MAX, "default": 1}, "From 1"),
    _query(
        "page_size",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": limits.PAGE_SIZE_MAX,
            "default": limits.PAGE_SIZE_DEFAULT,
        },
        "Rows a page",
    ),
)
FILTERS: Final = (
    _query("category", TEXT, "Only this category"),
    _query("sku", TEXT, "Only this article"),
    _query("min_price", PRICE, "Unit price in USDT, at least"),
    _query("max_price", PRICE, "Unit price in USDT, at most"),
    _query(
        "min_qty",
        {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 1},
        "Units in stock, at least",
    ),
)

OPERATIONS: Final = (
    Operation(method="get", path="/health", summary="Check the key and the server", answers=HealthView),
    Operation(
        method="get",
        path="/products",
        summary="List what is for sale",
        answers=Page[ProductView],
        parameters=(*FILTERS, *PAGING),
        refused=(errors.InvalidRequest,),
    ),
    Operation(
        method="get",
        path="/products/{id}",
        summary="Show one product",
        answers=ProductView,
        parameters=(_in_path(NUMBER, "The product's number"),),
        refused=(errors.ProductNotFound,),
    ),
    Operation(
        method="get",
        path="/categories",
        summary="List categories with how many products they have in stock",
        answers=Page[CategoryView],
        parameters=PAGING,
        refused=(errors.InvalidRequest,),
    ),
    Operation(method="get", path="/balance", summary="Show the balance and its totals", answers=BalanceView),
    Operation(
        method="post",
        path="/balance/topup",
        summary="Announce a payment: which amount to send where, and until when",
        answers=TopupView,
        body=TopupBody,
        refused=(*ON_POST, errors.AmountTaken, errors.TooManyOpenTopups, errors.TooManyUnpaidTopups),
    ),
    Operation(
        method="get",
        path="/balance/topup/{id}",
        summary="Show what became of a top-up",
        answers=TopupView,
        parameters=(_in_path({"type": "string", "format": "uuid"}, "The top-up's id"),),
        refused=(errors.TopupNotFound,),
    ),
    Operation(
        method="get",
        path="/balance/topups",
        summary="List top-ups, newest first",
        answers=Page[TopupView],
        parameters=PAGING,
        refused=(errors.InvalidRequest,),
    ),
    Operation(
        method="get",
        path="/balance/transactions",
        summary="List everything that moved the balance, newest first",
        answers=Page[TransactionView],
        parameters=PAGING,
        refused=(errors.InvalidRequest,),
    ),
    Operation(
        method="get",
        path="/deposits",
        summary="Tell what became of a transfer",
        answers=DepositsView,
        parameters=(_query("tx", TEXT, "The transaction's hash", required=True),),
        refused=(errors.InvalidRequest,),
    ),
    Operation(
        method="post",
        path="/orders",
        summary="Order, paid from the balance",
        answers=OrderView,
        body=OrderBody,
        refused=(
            *ON_POST,
            errors.BelowMinimum,
            errors.InsufficientBalance,
            errors.ProductNotFound,
            errors.InsufficientStock,
            errors.PriceChanged,
            errors.AccountFrozen,
            errors.InvoicesUnavailable,
        ),
    ),
    Operation(
        method="get",
        path="/orders",
        summary="List orders, newest first, without their contents",
        answers=Page[OrderView],
        parameters=PAGING,
        refused=(errors.InvalidRequest,),
    ),
    Operation(
        method="get",
        path="/orders/{id}",
        summary="Show an order, with what was delivered",
        answers=OrderView,
        parameters=(_in_path(NUMBER, "The order's number"),),
        refused=(errors.OrderNotFound,),
    ),
    Operation(method="get", path="/usage", summary="Show how the key was used", answers=UsageView),
)


def document(
    version: str, *, networks: Sequence[Network] = tuple(Network), root_path: str = ""
) -> dict[str, Any]:
    """The whole document, with the *networks* that are offered.

    Its server is the place it was fetched from, below *root_path* if mounted.
    """
    answers = [operation.answers for operation in OPERATIONS]
    bodies = [operation.body for operation in OPERATIONS if operation.body is not None]
    kinds = [*answers, *bodies, EventView, Problem]
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_schema_of, ref_template=REF)
    schema_by_kind = {str(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    fields = components[TopupBody.__name__]["properties"]
    fields["network"] = {**fields["network"], "enum": list(map(str, networks))}
    network = samples.network_of(networks)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        told = _operation(operation, schema_by_kind, network)
        paths.setdefault(f"/api/v1{operation.path}", {})[operation.method] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ytmarket",
            "version": version,
            "description": "A wholesale shop for digital goods, paid from a prepaid USDT balance.",
        },
        "servers": [{"url": quote(root_path.rstrip("/")) or "/"}],
        "security": [{KEY: []}],
        "paths": paths,
        "webhooks": {"order": {"post": _webhook(schema_by_kind[str(EventView)])}},
        "components": {
            "schemas": components,
            "securitySchemes": {name: _scheme(*told) for name, told in SCHEMES.items()},
        },
    }


def _schema_of(kind: type) -> dict[str, Any]:
    if kind is Amount:
        return AMOUNT_SCHEMA
    raise NotImplementedError(kind)


def _operation(operation: Operation, schemas: Mapping[str, Any], network: Network) -> dict[str, Any]:
    answered = {
        "schema": schemas[str(operation.answers)],
        "example": msgspec.json.decode(samples.answer_to(operation.method, operation.path, network)),
    }
    told: dict[str, Any] = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "parameters": [*operation.parameters, *([REPEATABLE] if operation.body is not None else ())],
        "responses": {
            "200": {"description": "Done", "content": {JSON: answered}},
            **_refused((*ALWAYS, *operation.refused), schemas[str(Problem)]),
        },
    }
    if operation.body is not None:
        example = samples.body_of(operation.path, network)
        content = {"schema": schemas[str(operation.body)], "example": example}
        told["requestBody"] = {"required": True, "content": {JSON: content}}
        told["security"] = [{KEY: []}, {KEY: [], **{name: [] for name in SIGNATURE}}]
    return told


def _refused(kinds: Sequence[type[Refused | Unavailable]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Problems by status; which codes a status may carry stands in its description."""
    codes: dict[int, list[str]] = {}
    for kind in kinds:
        codes.setdefault(_status(kind), []).append(kind.code)
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(dict.fromkeys(names))}",
            "content": {problems.MEDIA_TYPE: {"schema": schema}},
        }
        for status, names in sorted(codes.items())
    }


def _status(kind: type[BaseException]) -> int:
    return next(problems.STATUS_OF[parent] for parent in kind.__mro__ if parent in problems.STATUS_OF)


def _scheme(header: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": header, "description": description}


def _webhook(schema: Mapping[str, Any]) -> dict[str, Any]:
    content = {"schema": schema, "example": msgspec.json.decode(samples.webhook())}
    return {
        "operationId": "orderEvent",
        "summary": "Sent to the order's webhook_url whenever its status changes",
        "parameters": [
            _parameter("header", name, {"type": "string"}, told, required=name == "X-Webhook-Id")
            for name, told in ON_WEBHOOKS.items()
        ],
        "requestBody": {"required": True, "content": {JSON: content}},
        "responses": {
            "2XX": {"description": "Taken"},
            "408": {"description": SENT_AGAIN},
            "429": {"description": SENT_AGAIN},
            "5XX": {"description": SENT_AGAIN},
            "default": {"description": "Not taken, and not sent again"},
        },
    }


def _name(operation: Operation) -> str:
    words = [word for word in operation.path.strip("/").split("/") if not word.startswith("{")]
    kind = "One" if "{" in operation.path else ""
    return operation.method + "".join(word.capitalize() for word in words) + kind
