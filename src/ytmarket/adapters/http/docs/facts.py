"""The tables of the page, read from the code that enforces them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import attrs
import msgspec

from ytmarket.adapters.http import problems, refusals
from ytmarket.adapters.http.door import Pace
from ytmarket.adapters.http.openapi import JSON, OPERATIONS, SIGNATURE, Operation, document
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.application.errors import ApplicationError, OutcomeUnknown, Unavailable
from ytmarket.domain import deposits, errors, limits, pricing, reservations
from ytmarket.domain.errors import Refused
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network, NetworkFacts
from ytmarket.domain.order_states import OrderStatus, RefundStatus
from ytmarket.domain.shop import OrderTerms
from ytmarket.domain.topups import TopupTerms
from ytmarket.domain.webhooks import WAITS

COMPONENT: Final = "#/components/schemas/"
UNEXPECTED: Final = "internal_error"
QUICKEST: Final = timedelta(seconds=30)  # of what is made or fetched for the order
ON_FIELDS: Final[Mapping[str, str]] = {
    "amount_usdt": "What you want to add: whole cents. What is asked for may differ; see the answer",
    "network": "The network on which you will send",
    "exact": "true: refuse rather than ask for a slightly higher amount",
    "product_id": "The product's id in the catalogue",
    "quantity": "Units, at least the product's min_quantity",
    "payment_method": "balance; invoice is reserved and answers 501",
    "webhook_url": "Where to tell of every change of status",
    "max_price_usdt": "Refuse, and charge nothing, if the price would be higher",
}
ON_TOPUPS: Final[Mapping[str, str]] = {
    "topup_id": "Names this top-up: ask for its status with it",
    "status": "pending, then credited_auto, credited_manual or expired",
    "payment_address": "Our wallet on that network; all pay there, so the amount is what tells you apart",
    "payment_network": "The network that you asked for; what is sent elsewhere is not credited by itself",
    "amount_usdt": "Send exactly this",
    "requested_amount_usdt": "What you asked for",
    "created_at": "When it was opened, in Unix seconds",
    "expires_at": "A payment counts when its own block is older than this, in Unix seconds",
    "notice": "Only there when amount_usdt is not what you asked for, and says so",
    "network_delayed": "true while we read that network with more than a minute's delay",
}
ON_ORDERS: Final[Mapping[OrderStatus, str]] = {
    OrderStatus.AWAITING_PAYMENT: "An order of the website that was not paid yet; yours never are",
    OrderStatus.PROCESSING: "Paid from your balance, on its way",
    OrderStatus.COMPLETED: "Delivered in full: items holds everything",
    OrderStatus.PARTIAL: "Delivered in part: items holds what there was, the rest is refunded",
    OrderStatus.FAILED: "Could not be delivered: refunded",
    OrderStatus.EXPIRED: "Was not delivered in time: refunded",
    OrderStatus.CANCELLED: "Called off by an operator: refunded",
}
# An order paid from a balance is paid when it is placed: nothing is told of it before.
EVENTS: Final[Sequence[OrderStatus]] = tuple(
    status for status in OrderStatus if status is not OrderStatus.AWAITING_PAYMENT
)
REFUND_EVENT: Final = RefundStatus.REFUNDED


@attrs.frozen(kw_only=True)
class ShopFacts:
    """What differs from one shop to the next, as far as clients see it."""

    devnet: bool = False
    networks: tuple[Network, ...] = tuple(Network)
    terms: TopupTerms = attrs.field(factory=TopupTerms)
    order: OrderTerms = attrs.field(factory=OrderTerms)
    pace: Pace = attrs.field(factory=Pace)
    rate_limit: int = limits.REQUESTS_PER_MINUTE


@attrs.frozen(kw_only=True)
class Row:
    """A parameter or a field: what may stand there, and what for."""

    name: str
    place: str
    kind: str
    required: bool
    note: str


@attrs.frozen(kw_only=True)
class Told:
    """An endpoint as the page tells it."""

    id: str
    method: str
    path: str
    summary: str
    rows: Sequence[Row]
    request: str | None
    answer: str
    refusals: Sequence[tuple[str, Sequence[str]]]


@attrs.frozen(order=True)
class Problem:
    """One code that a problem can carry."""

    status: int
    code: str
    sentence: str


def error_rows() -> list[Problem]:
    """Everything that can go wrong, by status; each code once."""
    kinds = [*vars(errors).values(), *vars(refusals).values(), Unavailable, OutcomeUnknown]
    found = {_problem(kind) for kind in kinds if _is_told(kind)}
    unexpected = Problem(
        problems.UNEXPECTED, UNEXPECTED, "Something went wrong on our side; tell support the request_id"
    )
    return sorted([*found, unexpected])


def _is_told(kind: object) -> bool:
    return (
        isinstance(kind, type)
        and issubclass(kind, Refused | ApplicationError)
        and kind is not Refused
        and "code" in vars(kind)
    )


def _problem(kind: type[Refused | Unavailable]) -> Problem:
    status = next(problems.STATUS_OF[parent] for parent in kind.__mro__ if parent in problems.STATUS_OF)
    return Problem(status, kind.code, (kind.__doc__ or "").partition("\n")[0])


def endpoints(version: str, networks: Sequence[Network] = tuple(Network)) -> list[Told]:
    """Every operation of the OpenAPI document, in its order."""
    found = document(version, networks=networks)
    return [
        _endpoint(
            operation, found["paths"][f"/api/v1{operation.path}"][operation.method], found["components"]
        )
        for operation in OPERATIONS
    ]


def _endpoint(operation: Operation, told: Mapping[str, Any], components: Mapping[str, Any]) -> Told:
    schemas, schemes = components["schemas"], components["securitySchemes"]
    rows = [_parameter(parameter) for parameter in told["parameters"]]
    if "security" in told:
        rows += [_credential(schemes[name]) for name in SIGNATURE]
    request = None
    if "requestBody" in told:
        content = told["requestBody"]["content"][JSON]
        schema = schemas[content["schema"]["$ref"].removeprefix(COMPONENT)]
        rows += [_field(name, field, schema) for name, field in schema["properties"].items()]
        request = pretty(encode(content["example"]))
    codes = {
        status: answer["description"].partition(": ")[2].split(", ")
        for status, answer in told["responses"].items()
        if status != "200"
    }
    return Told(
        id=told["operationId"],
        method=operation.method.upper(),
        path=operation.path,
        summary=operation.summary,
        rows=rows,
        request=request,
        answer=pretty(encode(told["responses"]["200"]["content"][JSON]["example"])),
        refusals=list(codes.items()),
    )


def _parameter(parameter: Mapping[str, Any]) -> Row:
    return Row(
        name=parameter["name"],
        place=parameter["in"],
        kind=kind_of(parameter["schema"]),
        required=parameter["required"],
        note=parameter["description"],
    )


def _credential(scheme: Mapping[str, Any]) -> Row:
    return Row(
        name=scheme["name"], place=scheme["in"], kind="string", required=False, note=scheme["description"]
    )


def _field(name: str, field: Mapping[str, Any], schema: Mapping[str, Any]) -> Row:
    return Row(
        name=name,
        place="body",
        kind="USDT" if name.endswith("_usdt") else kind_of(field),
        required=name in schema.get("required", ()),
        note=ON_FIELDS[name],
    )


def kind_of(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "anyOf" in schema:
        return kind_of(next(part for part in schema["anyOf"] if part.get("type") != "null"))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    words = [str(schema.get("type", "any"))]
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**53:
        words.append(f"{schema['minimum']:,} to {schema['maximum']:,}")
    if "format" in schema:
        words.append(schema["format"])
    if "default" in schema:
        words.append(f"default {schema['default']}")
    return ", ".join(words)


def network_rows(facts: ShopFacts) -> Iterator[tuple[Network, NetworkFacts, bool]]:
    """Each network with what is known of it, and whether it is offered here; an added one comes last."""
    for network in dict.fromkeys((*Network, *facts.networks)):
        yield network, network.facts, network in facts.networks


def limit_rows(facts: ShopFacts) -> list[tuple[str, str]]:
    """What is limited, and to what."""
    terms = facts.terms
    return [
        ("Requests a key, in any 60 seconds", f"{facts.rate_limit:,}"),
        ("Top-up", f"{_whole(limits.TOPUP_MIN)} to {_whole(limits.TOPUP_MAX)} USDT, in whole cents"),
        ("A top-up can be paid for", span(terms.lifetime)),
        ("An unpaid amount stays yours for", span(terms.quarantine)),
        ("Open top-ups a key", f"{terms.max_open}"),
        ("Expired, unpaid amounts still kept for a key", f"{terms.max_unpaid}"),
        ("Tolerance of a payment", f"{reservations.TOLERANCE} USDT either way"),
        ("Payments that are too small to be anybody's", f"below {deposits.DUST} USDT"),
        ("Units an order", f"{limits.QUANTITY_MIN:,} to {limits.QUANTITY_MAX:,}"),
        ("Least total of an order", f"{roubles(facts)} roubles; min_quantity has it in units"),
        ("An order not delivered expires after", span(facts.order.deadline)),
        ("Price step while an amount is taken", f"{pricing.STEP_PERCENT}%, up to {pricing.CAP_PERCENT}%"),
        ("An amount counts as taken for", span(pricing.WINDOW)),
        ("Rows a page", f"1 to {limits.PAGE_SIZE_MAX}, {limits.PAGE_SIZE_DEFAULT} unless asked"),
        ("Request body", f"{limits.BODY_BYTES_MAX:,} bytes"),
        ("webhook_url", f"{limits.WEBHOOK_URL_CHARS_MAX:,} characters"),
        ("Attempts to send a webhook", f"{limits.WEBHOOK_ATTEMPTS_MAX}, {span(limits.WEBHOOK_TIMEOUT)} each"),
        ("Waits between them", ", ".join(map(span, WAITS))),
        ("Age of a signature", f"{limits.SIGNATURE_DRIFT_SECONDS} seconds either way"),
        ("Idempotency-Key", f"1 to {limits.IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters"),
        ("Answers kept for an Idempotency-Key", span(limits.IDEMPOTENCY_KEPT)),
    ]


def roubles(facts: ShopFacts) -> str:
    """The floor under an order's total, as a person writes it."""
    return f"{facts.order.minimum.floor_rub.normalize():,f}"


def delivery(facts: ShopFacts) -> str:
    """How long a delivery takes, to the time at which the order expires."""
    longest = span(facts.order.deadline)
    return longest if facts.order.deadline <= QUICKEST else f"{span(QUICKEST)} to {longest}"


def _whole(amount: Usdt) -> str:
    return f"{amount.micros // Usdt.of(1).micros:,}"


def span(length: timedelta) -> str:
    """A length of time in the largest unit that fits it: `2 minutes`. Part of a second counts as one."""
    seconds = -(-length // timedelta(seconds=1))
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}{'s' if seconds > size else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"


def pretty(body: bytes) -> str:
    """The same JSON on several lines, its numbers as they were written."""
    return msgspec.json.format(body, indent=2).decode()
