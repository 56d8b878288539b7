"""Trouble that is nobody's refusal: something outside did not answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class ApplicationError(Exception):
    """Something around the shop, not in its rules."""

    def __str__(self) -> str:
        sentence = (type(self).__doc__ or type(self).__name__).partition("\n")[0].rstrip(".")
        return ": ".join([sentence, *(str(arg) for arg in self.args)])


class Unavailable(ApplicationError):
    """A part of the service does not answer; nothing happened, try again shortly."""

    code: ClassVar[str] = "unavailable"


class OutcomeUnknown(Unavailable):
    """The service broke off while committing: repeat with the same Idempotency-Key."""

    code = "outcome_unknown"


class BooksUnbalanced(ApplicationError):
    """The books of this account do not add up yet; put them right first."""

    def __init__(self, mismatches: Sequence[object]) -> None:
        super().__init__("; ".join(map(str, mismatches)))
