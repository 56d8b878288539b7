"""What people write down beside an act: a reason, a label, another shop's name and number for an order."""

from __future__ import annotations

from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidRequest


def check_reason(text: str) -> None:
    """Raises `InvalidRequest` unless it can tell whoever reads the audit why."""
    _check(text, "/reason", limits.REASON_CHARS_MAX)


def check_name(text: str, pointer: str) -> None:
    """Raises `InvalidRequest` at the *pointer* unless something can be found by it in a list."""
    _check(text, pointer, limits.NAME_CHARS_MAX)


def _check(text: str, pointer: str, chars_max: int) -> None:
    problem = None
    if not text.strip():
        problem = "must not be blank"
    elif len(text) > chars_max:
        problem = f"must have at most {chars_max} characters"
    elif "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        problem = "must be text in UTF-8 without a NUL character"
    if problem is not None:
        raise InvalidRequest(pointer=pointer, problem=problem)
