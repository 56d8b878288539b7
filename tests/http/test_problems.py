"""Every refusal has a status, a code of its own, and what is needed to go on."""

import json
from typing import Any

import attrs
import pytest

from ytmarket.adapters.http import problems, refusals
from ytmarket.application.errors import OutcomeUnknown, Unavailable
from ytmarket.domain import errors
from ytmarket.domain.errors import Refused
from ytmarket.domain.money import Usdt

ABSTRACT = {errors.Refused, errors.NotFound}


def concrete(module: Any) -> list[type[Refused]]:
    names = getattr(module, "__all__", dir(module))
    found = [getattr(module, name) for name in names]
    kinds = {kind for kind in found if isinstance(kind, type) and issubclass(kind, Refused)}
    return sorted(kinds - ABSTRACT, key=lambda kind: kind.__name__)


ALL = sorted({*concrete(errors), *concrete(refusals)}, key=lambda kind: kind.__name__)


def sample(kind: type[Refused]) -> Refused:
    values = {
        field.name: {"int": 7, "str": "word", "tuple[str, ...]": ("GET",)}.get(
            str(field.type), Usdt.of("1.5")
        )
        for field in attrs.fields(kind)
        if field.default is attrs.NOTHING
    }
    return kind(**values)


def told(trouble: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    response = problems.response(trouble, "some-id")
    return response.status_code, json.loads(bytes(response.body)), dict(response.headers)


@pytest.mark.parametrize("kind", ALL)
def test_each_refusal_is_a_problem(kind: type[Refused]) -> None:
    status, body, headers = told(sample(kind))
    assert 400 <= status < 500 or status == 501
    assert headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["code"] == kind.code
    assert body["type"] == f"/api/docs#{kind.code}"
    assert body["request_id"] == "some-id"
    assert body["title"]
    assert body["detail"]


def test_codes_tell_refusals_apart() -> None:
    codes = [kind.code for kind in ALL]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("refusal", "status", "extras"),
    [
        (errors.BelowMinimum(min_quantity=7), 400, {"min_quantity": 7}),
        (
            errors.InsufficientBalance(
                balance_usdt=Usdt.of("1.5"), required_usdt=Usdt.of(12), shortfall_usdt=Usdt.of("10.5")
            ),
            402,
            {
                "balance_usdt": 1.5,
                "required_usdt": 12.0,
                "shortfall_usdt": 10.5,
                "topup_path": "/api/v1/balance/topup",
            },
        ),
        (errors.InsufficientStock(available=3), 409, {"available": 3}),
        (errors.PriceChanged(price_usdt=Usdt.of("12.34")), 409, {"price_usdt": 12.34}),
        (errors.AmountTaken(next_amount_usdt=Usdt.of("100.03")), 409, {"next_amount_usdt": 100.03}),
        (errors.AmountTaken(), 409, {}),
        (errors.TooManyOpenTopups(limit=20), 409, {"limit": 20}),
        (
            errors.InvalidRequest(pointer="/quantity", problem="is required"),
            422,
            {"errors": [{"pointer": "/quantity", "detail": "is required"}]},
        ),
        (
            errors.IllegalMove(status="completed", move="cancel"),
            409,
            {"order_status": "completed", "move": "cancel"},
        ),
        (errors.InvalidSignature(reason="a reason"), 401, {}),
    ],
)
def test_what_is_needed_to_go_on(refusal: Refused, status: int, extras: dict[str, Any]) -> None:
    found, body, _ = told(refusal)
    assert found == status
    assert {name: body[name] for name in body if name not in problems.RESERVED} == extras


def test_sentences_hold_the_numbers() -> None:
    assert told(errors.BelowMinimum(min_quantity=7))[1]["detail"] == "Order at least 7 units of this product"
    short = errors.InsufficientBalance(
        balance_usdt=Usdt.of("1.5"), required_usdt=Usdt.of(12), shortfall_usdt=Usdt.of("10.5")
    )
    assert "top up at least 10.5 USDT with POST /api/v1/balance/topup" in told(short)[1]["detail"]


def test_when_to_come_back() -> None:
    assert told(errors.RateLimited(retry_after=17))[2]["retry-after"] == "17"
    for trouble, code in ((Unavailable("x"), "unavailable"), (OutcomeUnknown(), "outcome_unknown")):
        status, body, headers = told(trouble)
        assert (status, body["code"]) == (503, code)
        assert int(headers["retry-after"]) > 0
    assert "Idempotency-Key" in told(OutcomeUnknown())[1]["detail"]


def test_what_nobody_foresaw_says_nothing_of_itself() -> None:
    for trouble in (RuntimeError("password=hunter2"), KeyError("hunter2"), errors.InvalidAmount("hunter2")):
        status, body, _ = told(trouble)
        assert (status, body["code"]) == (500, "internal_error")
        assert "hunter2" not in json.dumps(body)
