"""Deposits in memory, and how far each chain has been read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from ytmarket.adapters.inmemory.rows import NetworkRow, ProgressRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.domain.deposits import (
    ENDED_LOOKBACK,
    Deposit,
    DepositRecord,
    DepositStatus,
)
from ytmarket.domain.ids import DepositId, OrderId
from ytmarket.domain.matching import Claim
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.reservations import TOLERANCE, Purpose, Reservation
from ytmarket.domain.topups import TopupStatus


@attrs.frozen
class InMemoryDeposits:
    """The `DepositRepository` port."""

    _state: State

    async def cursor(self, network: Network, wallet: str) -> Cursor | None:
        progress = self._state.progress.get((network, wallet))
        return None if progress is None else progress.cursor

    async def read_until(self, network: Network) -> datetime | None:
        return self._state.read_until.get(network)

    async def keep_page(
        self,
        network: Network,
        wallet: str,
        after: Cursor | None,
        page: Page,
        now: datetime,
    ) -> int | None:
        if await self.cursor(network, wallet) != after:
            return None
        self._move_on(network, wallet, page, now)
        return sum(self._keep(deposit) for deposit in page.deposits)

    async def keep_missed(self, deposits: Sequence[Deposit], now: datetime) -> int:  # noqa: ARG002 - as above
        return sum(self._keep(deposit) for deposit in deposits)

    async def received(self, *, limit: int, after: DepositId | None = None) -> Sequence[DepositId]:
        waiting = sorted(self._state.deposits_in.of(DepositStatus.RECEIVED))
        return [key for key in waiting if after is None or key > after][:limit]

    async def lock(self, deposit: DepositId) -> DepositRecord | None:
        return self._state.deposits.get(deposit)

    async def claims(self, deposit: Deposit) -> Sequence[Claim]:
        found = {claim.ref: claim for claim in self._in_band(deposit)}
        amounts = self._state.reserved_amounts
        for beside in (
            amounts.below(deposit.network, deposit.amount),
            amounts.above(deposit.network, deposit.amount),
        ):
            found.update((claim.ref, claim) for claim in self._first_live(beside, deposit))
        return list(found.values())

    async def save(self, record: DepositRecord) -> None:
        kept = self._state.deposits[record.id]
        # What the chain said is never rewritten.
        self._state.deposits.put(record.id, attrs.evolve(record, deposit=kept.deposit))

    def _move_on(self, network: Network, wallet: str, page: Page, now: datetime) -> None:
        key, state = (network, wallet), self._state
        before = state.progress.get(key)
        read_until = page.read_until if before is None else max(before.read_until, page.read_until)
        state.progress.put(key, ProgressRow(cursor=page.cursor, read_until=read_until, updated_at=now))
        state.read_until.put(network, read_until)
        row = state.network_rows.get(key)
        if row is None or row.trouble is not None:
            state.network_rows.put(key, NetworkRow(noted_at=now))

    def _keep(self, deposit: Deposit) -> bool:
        state = self._state
        if deposit.key in state.deposit_by_key:
            return False
        key = DepositId(next(state.deposit_numbers))
        state.deposit_by_key.put(deposit.key, key)
        state.deposits.put(key, DepositRecord(id=key, deposit=deposit))
        return True

    def _in_band(self, deposit: Deposit) -> Iterator[Claim]:
        oldest = deposit.at - ENDED_LOOKBACK
        low, high = deposit.amount - TOLERANCE, deposit.amount + TOLERANCE
        for network in Network:
            for reservation in self._state.reserved_amounts.between(network, low, high):
                for claim in self._claims_on(reservation):
                    if max(claim.expires_at, claim.reserved_until) >= oldest:
                        yield claim

    def _first_live(self, nearest_first: Iterable[Reservation], deposit: Deposit) -> Sequence[Claim]:
        for reservation in nearest_first:
            claims = list(self._claims_on(reservation))
            if any(claim.is_live(deposit.at) for claim in claims):
                return claims
        return ()

    def _claims_on(self, reservation: Reservation) -> Iterator[Claim]:
        if reservation.payer.purpose is Purpose.TOPUP:
            yield from self._topup_claims(reservation)
        else:
            yield from self._order_claims(reservation)

    def _topup_claims(self, reservation: Reservation) -> Iterator[Claim]:
        for topup in self._state.topups_sharing(reservation.id):
            yield Claim(
                payer=reservation.payer,
                ref=topup.id,
                network=reservation.network,
                amount=reservation.amount,
                starts_at=topup.starts_at,
                expires_at=topup.expires_at,
                reserved_until=reservation.ends_at,
                pending=topup.status is TopupStatus.PENDING,
                paid=topup.is_credited,
                reservation_id=reservation.id,
            )

    def _order_claims(self, reservation: Reservation) -> Iterator[Claim]:
        row = self._state.orders.get(OrderId(reservation.payer.id))
        checkout = None if row is None else self._state.checkouts.get(row.order.id)
        if row is None or checkout is None:
            return
        yield Claim(
            payer=reservation.payer,
            ref=row.order.id,
            network=reservation.network,
            amount=reservation.amount,
            starts_at=reservation.starts_at,
            expires_at=checkout.expires_at,
            reserved_until=reservation.ends_at,
            pending=row.order.status is OrderStatus.AWAITING_PAYMENT,
            paid=bool(row.order.charged),
            reservation_id=reservation.id,
        )
