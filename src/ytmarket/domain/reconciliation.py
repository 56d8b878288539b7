"""Whether what a wallet holds on its chain is what its transfers, and our books, say it must hold.

All amounts here are counted in the token's smallest units, and none is rounded: a token of 18 places
has to be right to the last of them.
"""

from __future__ import annotations

from datetime import datetime

import attrs


@attrs.frozen(kw_only=True)
class Point:
    """A final block: everything up to and with it has happened for good."""

    height: int
    ref: str  # its hash, as the chain writes it
    at: datetime  # by the chain's clock


@attrs.frozen(kw_only=True)
class Holding:
    """What the wallet held as of a final block."""

    point: Point
    balance: int


@attrs.frozen(kw_only=True)
class Statement:
    """What a chain tells of a wallet between two final blocks, after the first and up to the second.

    A transfer from the wallet to itself is neither incoming nor outgoing.
    """

    opening: Holding
    closing: Holding
    incoming: int
    outgoing: int

    @property
    def unexplained(self) -> int:
        """What the wallet holds beyond what its transfers say; below 0: what it lacks."""
        return self.closing.balance - (self.opening.balance + self.incoming - self.outgoing)


@attrs.frozen(kw_only=True)
class Difference:
    """By how much a chain and the books differ; at least one of the two is not 0."""

    unexplained: int
    """Held, and not explained by transfers: the chain does not agree with itself."""

    unbooked: int
    """Arrived, and not in the books; below 0: in the books, and never arrived."""


def difference(statement: Statement, booked: int) -> Difference | None:
    """What is wrong when *booked* arrived by our books between the statement's points; None: nothing."""
    unexplained, unbooked = statement.unexplained, statement.incoming - booked
    if unexplained == 0 == unbooked:
        return None
    return Difference(unexplained=unexplained, unbooked=unbooked)
