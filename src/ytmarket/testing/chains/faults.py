"""How nodes fail: each way once, for every network."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

RETRY_AFTER_SECONDS: Final = 7


class Fault(StrEnum):
    """What is wrong with a node."""

    HANGS_UP = "hangs up"
    IS_SILENT = "is silent"
    IS_BROKEN = "is broken"
    LOCKS_US_OUT = "locks us out"
    TALKS_NONSENSE = "talks nonsense"
    BREAKS_OFF = "breaks off"
    IS_BUSY = "is busy"
    """It wants to be left alone for seven seconds."""

    LAGS = "lags"
    """It has not got as far as we have read."""

    STANDS_STILL = "stands still"
    """It has not heard of a new block for a day."""

    IS_OF_ANOTHER_CHAIN = "is of another chain"
    LACKS_THE_TOKEN = "lacks the token"
    HAS_OTHER_DECIMALS = "has other decimals"
