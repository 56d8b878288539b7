"""What a Solana node's refusal means, by the number that Agave gives it or the words of a provider."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

TOO_OFTEN_CODES: Final = frozenset({429, -32429})
BEHIND_CODES: Final = frozenset(
    {
        -32004,  # the block is not available yet
        -32005,  # the node is unhealthy: so many slots behind
        -32014,  # the block's status is not available yet
        -32016,  # the slot that we asked for has not been reached
        -32020,  # it has not heard of the transaction that we page from
    }
)
GONE_CODES: Final = frozenset(
    {
        -32001,  # the block was cleaned up
        -32009,  # the slot is missing in long-term storage
        -32010,  # the account is left out of its index
        -32011,  # it keeps no history of transactions
    }
)
UNKNOWN_VERSION_CODE: Final = -32015

_TOO_OFTEN: Final = re.compile(
    r"rate.?limit|too many requests|\bquota|\bcredits?\b|per (second|minute|day)|(request|usage) limit",
    re.IGNORECASE,
)


class Meaning(Enum):
    """What is to be done about a refusal."""

    TOO_OFTEN = auto()
    """Come back later."""

    BEHIND = auto()
    """The node has not got so far yet."""

    GONE = auto()
    """The node has not got that part of history, or never had."""

    UNREADABLE = auto()
    """A transaction of a version that came after this reader."""

    TROUBLE = auto()
    """Anything else."""


def meaning_of(code: int, message: str) -> Meaning:
    """What this refusal means."""
    if code in TOO_OFTEN_CODES or _TOO_OFTEN.search(message):
        return Meaning.TOO_OFTEN
    if code in BEHIND_CODES:
        return Meaning.BEHIND
    if code in GONE_CODES:
        return Meaning.GONE
    return Meaning.UNREADABLE if code == UNKNOWN_VERSION_CODE else Meaning.TROUBLE
