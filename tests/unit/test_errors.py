"""Every refusal has a sentence for people, a code of its own for programs, and fields to go on with."""

import re

import attrs
import pytest

from ytmarket.domain import errors
from ytmarket.domain.errors import InvalidAmount, InvalidRequest, InvalidSignature, Refused, ShopError

REFUSALS = [kind for name in errors.__all__ if issubclass(kind := getattr(errors, name), Refused)]


def sample(kind: type[Refused]) -> Refused:
    values = {
        "pointer": "/quantity",
        "problem": "must be a number",
        "offered": ("usdt_ton",),
        "reason": "too old",
    }
    return kind(**{name: values.get(name, 7) for name in attrs.fields_dict(kind)})


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_has_a_sentence_of_its_own(kind: type[Refused]) -> None:
    doc = vars(kind)["__doc__"]
    assert re.fullmatch(r"[A-Z][^\n]+\.", doc), doc
    assert kind.sentence() == doc[:-1] == str(sample(kind))


def test_no_two_refusals_share_a_code_or_a_sentence() -> None:
    codes = [vars(kind).get("code") for kind in REFUSALS]
    assert all(isinstance(code, str) and re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)
    assert len(set(codes)) == len(codes)
    assert len({kind.sentence() for kind in REFUSALS}) == len(REFUSALS)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_tells_its_fields_and_can_be_raised(kind: type[Refused]) -> None:
    refusal = sample(kind)
    with pytest.raises(kind) as caught:
        raise refusal
    assert caught.value is refusal
    if kind not in {InvalidRequest, InvalidSignature}:  # these say in words what was wrong
        assert refusal.extras() == dict.fromkeys(attrs.fields_dict(kind), 7)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        refusal.code = "changed"  # type: ignore[misc] # that it cannot be set is the point


def test_what_is_not_known_is_not_told() -> None:
    assert errors.AmountTaken().extras() == {}
    assert InvalidRequest(pointer="/network", problem="not offered", offered=("usdt_ton",)).extras() == {
        "networks": ("usdt_ton",)
    }
    assert InvalidRequest(pointer="/network", problem="not offered").extras() == {}


def names_below(root: type[Refused]) -> set[str]:
    domain = {root.__name__} if root.__module__.startswith("ytmarket.domain") else set()
    return domain.union(*(names_below(child) for child in root.__subclasses__()))


def test_every_name_is_found_in_one_place() -> None:
    assert names_below(Refused) == {kind.__name__ for kind in REFUSALS}
    assert all(issubclass(getattr(errors, name), ShopError) for name in errors.__all__)


def test_a_wrong_amount_is_quoted() -> None:
    assert str(InvalidAmount("1e3")) == "This is not an amount of USDT with at most six decimals: 1e3"
    assert isinstance(InvalidAmount("x"), ValueError)


def test_people_are_told_what_is_needed_to_go_on() -> None:
    refusals = (
        errors.BelowMinimum(min_quantity=8),
        errors.OrderNotFound(),
        InvalidRequest(pointer="/reason", problem="must not be blank"),
        InvalidRequest(pointer="--from", problem="must be at most 7"),
        InvalidRequest(pointer="", problem="the body is empty"),
        InvalidAmount("1.2.3"),
    )
    assert [refusal.in_full() for refusal in refusals] == [
        f"{errors.BelowMinimum.sentence()}. min_quantity: 8",
        f"{errors.OrderNotFound.sentence()}.",
        "reason must not be blank",
        "--from must be at most 7",
        "the body is empty",
        f"{InvalidAmount.sentence()}: 1.2.3.",
    ]
