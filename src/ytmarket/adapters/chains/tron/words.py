"""What a TRON node's refusal means: there are no numbers for it, so words decide."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final


class Meaning(Enum):
    """What is to be done about a refusal."""

    TOO_OFTEN = auto()
    """Come back later."""

    GONE = auto()
    """The node does not keep that part of history."""

    TROUBLE = auto()
    """Anything else."""


_TOO_OFTEN: Final = re.compile(
    r"""lack\ of\ computing\ resources   # java-tron's own limiter
    | frequency | allowed_rps | suspended\ for | daily\ usage   # TronGrid
    | \brate\b | rate.?limit | too\ many\ requests | \bquota | \bcredits?\b | per\ (second|minute|day)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_GONE: Final = re.compile(r"lite.?full.?node|\bprun", re.IGNORECASE)
_SUSPENDED: Final = re.compile(r"suspended for (\d{1,6})\s*s", re.IGNORECASE | re.ASCII)


def meaning_of(message: str) -> Meaning:
    """What the words say."""
    if _TOO_OFTEN.search(message):
        return Meaning.TOO_OFTEN
    if _GONE.search(message):
        return Meaning.GONE
    return Meaning.TROUBLE


def seconds_suspended(message: str) -> int | None:
    """For how long TronGrid shuts us out; it says so in words, and not in `Retry-After`."""
    found = _SUSPENDED.search(message)
    return None if found is None else int(found[1])
