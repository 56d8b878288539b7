"""What a node's refusal means. Nodes number and word the same refusal in many ways, so words decide."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

TOO_OFTEN_CODES: Final = frozenset({429, -32005, -32007, -32029})


class Meaning(Enum):
    """What is to be done about a refusal."""

    TOO_OFTEN = auto()
    """Come back later."""

    TOO_WIDE = auto()
    """Ask for fewer blocks at a time."""

    TOO_MANY_CALLS = auto()
    """Put fewer calls into a batch."""

    GONE = auto()
    """The node has thrown that part of history away."""

    BEHIND = auto()
    """The node has not got so far yet."""

    TROUBLE = auto()
    """Anything else."""


def _any_of(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


# In this order: many refusals of one kind hold a word of a later one ("request rate exceeds limit").
_WORDS: Final = (
    (
        Meaning.TOO_MANY_CALLS,
        _any_of(
            r"\A(?!.*\brate\b).*\bbatch.*(too (large|many|big|long)|size|limit|more than|at most|max|exceed)",
            r"\A(?!.*\brate\b).*(too many|more than|at most|max|limit).*\bbatch",
        ),
    ),
    (
        Meaning.TOO_OFTEN,
        _any_of(
            r"\brate\b",
            r"rate.?limit",
            r"too many requests?\b",
            r"requests? (limit|count|too fast)",
            r"per (second|minute|day)",
            r"\b(daily|monthly)\b",
            r"\bquota",
            r"\bcredits?\b",
            r"compute units",
            r"capacity",
            r"throughput",
        ),
    ),
    (
        Meaning.GONE,
        _any_of(r"\bprun", r"missing trie node", r"\bancient", r"history .*unavailable", r"archive"),
    ),
    (
        Meaning.BEHIND,
        _any_of(
            r"(block|header).* not found",
            r"unknown block",
            r"future block",
            r"beyond current head",
            r"OutOfRange",
            r"not (yet )?synced",
        ),
    ),
    (
        Meaning.TOO_WIDE,
        _any_of(
            r"\branges?\b",
            r"\bresults?\b",
            r"\bresponse size",
            r"too (many|large|big|wide)",
            r"more than",
            r"limit",
            r"maximum",
            r"exceed",
            r"timed? ?out",
        ),
    ),
)


def meaning_of(code: int, message: str, *, of_logs: bool) -> Meaning:
    """What this refusal means; *of_logs*: to a request for logs, the only one that can be too wide."""
    for meaning, words in _WORDS:
        if words.search(message) and (of_logs or meaning is not Meaning.TOO_WIDE):
            return meaning
    if code in TOO_OFTEN_CODES:
        return Meaning.TOO_OFTEN
    return Meaning.TROUBLE
