"""The table of refusals, each made once and asked what a client would read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from tools.docs.markdown import code
from tools.docs.markdown import table as markdown_table

from ytmarket.adapters.http import problems, refusals
from ytmarket.application.errors import OutcomeUnknown, Unavailable
from ytmarket.domain import errors
from ytmarket.domain.errors import Refused
from ytmarket.domain.money import Usdt

SAMPLES: Final[Mapping[str, Any]] = {
    "allow": ("GET",),
    "available": 7,
    "balance_usdt": Usdt.of(5),
    "deposit_status": "credited_auto",
    "limit": 20,
    "max_bytes": 65_536,
    "min_quantity": 10,
    "move": "cancel",
    "next_amount_usdt": Usdt.of("100.03"),
    "offered": ("usdt_trc_20",),
    "order_status": "expired",
    "pointer": "/quantity",
    "position": 3,
    "price_usdt": Usdt.of("12.34"),
    "problem": "must be a whole number",
    "reason": "sign again",
    "required_usdt": Usdt.of("12.34"),
    "retry_after": 12,
    "shortfall_usdt": Usdt.of("7.34"),
    "status": "completed",
}
"""A value for each field that a refusal can have: add one here when a refusal gains a new field."""


def table() -> str:
    """Status, code, sentence and further fields of everything that can be refused."""
    rows = [
        (str(body["status"]), code(body["code"]), body["title"], ", ".join(map(code, _further(body))) or "-")
        for body in sorted(map(_body, _troubles()), key=lambda body: (body["status"], body["code"]))
    ]
    return markdown_table(["Status", "`code`", "What it says", "Fields of its own"], rows, right=[0])


def _troubles() -> Iterator[Exception]:
    for kind in refusal_classes():
        fields = [field.name for field in attrs.fields(kind)]
        yield kind(**{name: SAMPLES[name] for name in fields})
    yield Unavailable()
    yield OutcomeUnknown()
    yield refusals.NotReady(parts=("database",))
    yield Exception()


def refusal_classes() -> list[type[Refused]]:
    """Every refusal with a code of its own; the root of them all is never raised."""
    found = [*vars(errors).values(), *vars(refusals).values()]
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, Refused)]
    return [kind for kind in dict.fromkeys(kinds) if kind is not Refused and "code" in vars(kind)]


def _body(trouble: Exception) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bytes(problems.response(trouble, "0").body))
    return body


def _further(body: Mapping[str, Any]) -> list[str]:
    return [name for name in body if name not in problems.RESERVED]
