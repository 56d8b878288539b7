"""What tonlib's errors mean, which it tells in words alone."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

_TOO_OFTEN: Final = re.compile(r"rate.?limit|too many (requests|queries)|\bquota", re.IGNORECASE)
_MISSING: Final = re.compile(
    r"not in db|cannot (locate|find|load) (transaction|block|state)|already gc'd|LITE_SERVER_NOTREADY",
    re.IGNORECASE,
)
_ANOTHER_CHAIN: Final = re.compile(
    r"(?!.*LITE_SERVER_).*(zero.?state|INVALID_CONFIG)", re.IGNORECASE | re.DOTALL
)
"""What tonlib itself finds: behind LITE_SERVER_ stand the words of whoever was asked."""


class Meaning(Enum):
    """What is to be done about an error."""

    TOO_OFTEN = auto()
    """Come back later."""

    MISSING = auto()
    """The lite server has not got this yet, or has thrown it away."""

    ANOTHER_CHAIN = auto()
    """While a client is opened: the configuration does not fit, it is of another network or damaged."""

    TROUBLE = auto()
    """Anything else."""


def meaning_of(message: str) -> Meaning:
    """What this error means."""
    if _TOO_OFTEN.search(message):
        return Meaning.TOO_OFTEN
    if _ANOTHER_CHAIN.match(message):
        return Meaning.ANOTHER_CHAIN
    return Meaning.MISSING if _MISSING.search(message) else Meaning.TROUBLE
