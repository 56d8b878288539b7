"""Reads one network of devnet: its rows, in the order in which they were written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.connections import Pool, lent
from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.chain_reader import ChainBehind, ChainGap, ChainUnavailable, Cursor, Page
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.money import PLACES
from ytmarket.domain.networks import Network, WalletFamily

WALLETS: Final = {
    WalletFamily.TRON: "TDevnetDevnetDevnetDevnetDevnetDev",
    WalletFamily.EVM: "0xDe70DE70dE70De70DE70dE70De70DE70dE70De70",
    WalletFamily.TON: "EQDevnetDevnetDevnetDevnetDevnetDevnetDevnetDevn",
    WalletFamily.SOLANA: "DevnetDevnetDevnetDevnetDevnetDevnetDevnetDe",
}
"""As long as real addresses and spelt like them; none has a valid checksum."""

PAGE_TRANSFERS_MAX: Final = 500

# Numbers are given in the order of commits, and nobody writes while the chain's end is looked at:
# otherwise a transfer could turn up below a cursor, or before the time up to which all was read.
ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended('devnet', 0))"
NOBODY_WRITES: Final = "select pg_advisory_xact_lock_shared(hashtextextended('devnet', 0))"
HEAD: Final = "select coalesce(max(id), 0) from devnet_transfer"
TRANSFERS: Final = """
    select id, tx_hash, sender, amount, at from devnet_transfer
    where network = %s and id > %s and token is null order by id limit %s
"""
READ_UNTIL: Final = """
    select least(
        date_trunc('second', clock_timestamp()),
        (select min(at) from devnet_transfer where network = %s and id > %s and token is null)
    )
"""


@attrs.frozen
class DevnetReader:
    """The `ChainReader` port. A cursor is the number of the last transfer that was read."""

    _pool: Pool
    network: Network
    page_size: int = PAGE_TRANSFERS_MAX

    @property
    def wallet(self) -> str:
        return WALLETS[self.network.facts.family]

    async def start(self) -> Cursor:
        return Cursor(str(await self._head()))

    async def read(self, cursor: Cursor) -> Page:
        after = _number(cursor)
        try:
            async with lent(self._pool) as connection:
                await connection.execute(NOBODY_WRITES)
                head = await (await connection.execute(HEAD)).fetchone()
                wanted = (self.network, after, self.page_size + 1)
                rows = await (await connection.execute(TRANSFERS, wanted)).fetchall()
                taken, more = rows[: self.page_size], len(rows) > self.page_size
                last = taken[-1][0] if taken else after
                until = await (await connection.execute(READ_UNTIL, (self.network, last))).fetchone()
        except Unavailable as trouble:
            raise ChainUnavailable(str(trouble)) from trouble
        if head is None or until is None:
            raise ChainUnavailable("devnet did not answer")
        if after > head[0]:
            raise ChainGap(f"devnet has no transfer number {after}: is this another database?")
        return Page(
            deposits=tuple(self._deposit(row) for row in taken),
            cursor=Cursor(str(last)),
            read_until=until[0],
            more=more,
            span=_span(after, taken),
        )

    async def cursor_at(self, height: int) -> Cursor:
        head = await self._head()
        if height > head + 1:
            raise ChainBehind(f"devnet has got to transfer {head}, and {height} was asked for")
        return Cursor(str(max(height - 1, 0)))

    async def close(self) -> None:
        """The connections are the database's; there is nothing to let go of."""

    async def _head(self) -> int:
        try:
            async with lent(self._pool) as connection:
                await connection.execute(NOBODY_WRITES)
                row = await (await connection.execute(HEAD)).fetchone()
        except Unavailable as trouble:
            raise ChainUnavailable(str(trouble)) from trouble
        return 0 if row is None else int(row[0])

    def _deposit(self, row: tuple[Any, ...]) -> Deposit:
        number, tx_hash, sender, micros, at = row
        decimals = self.network.facts.decimals
        return Deposit(
            network=self.network,
            tx_hash=tx_hash,
            event_index=0,
            sender=sender,
            recipient=self.wallet,
            raw=micros * 10 ** (decimals - PLACES),
            decimals=decimals,
            height=number,
            block_ref=f"devnet:{number}",
            at=at,
        )


def _span(after: int, taken: Sequence[tuple[Any, ...]]) -> Span | None:
    """Numbers are given on all networks together: what lies between two transfers is other networks'."""
    if not taken:
        return None
    return Span(first=after + 1, last=taken[-1][0], first_hash=taken[0][1], last_hash=taken[-1][1])


def _number(cursor: Cursor) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise ChainGap(f"devnet cannot go on from {cursor!r}: another reader made this cursor")
    return int(cursor)
