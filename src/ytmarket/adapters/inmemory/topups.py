"""Top-ups in memory, and the reservations of amounts behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

import attrs

from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.deposits import Deposit, DepositStatus
from ytmarket.domain.errors import AlreadyDone, AmountTaken, InvalidValue
from ytmarket.domain.ids import AccountId, ReservationId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import TOLERANCE, Payer, Purpose, Reservation, within_tolerance
from ytmarket.domain.topups import Topup, TopupStatus


@attrs.frozen
class InMemoryTopups:
    """The `TopupRepository` port."""

    _state: State

    async def counts(self, account: AccountId, now: datetime) -> tuple[int, int]:
        state = self._state
        topups = [state.topups[key] for key in state.topups_of.of(account)]
        payer = Payer(Purpose.TOPUP, account)
        quarantined = [
            key
            for key in state.reservations_of.of(payer)
            if state.reservations[key].ends_at > now and self._is_unpaid(key)
        ]
        is_open = TopupStatus.PENDING
        return sum(topup.status is is_open for topup in topups), len(quarantined)

    async def reservations(
        self,
        network: Network,
        low: Usdt,
        high: Usdt,
        starts_at: datetime,
        ends_at: datetime,
    ) -> Sequence[Reservation]:
        near = self._state.reserved_amounts.between(network, low - TOLERANCE, high + TOLERANCE)
        return [r for r in near if r.starts_at < ends_at and starts_at < r.ends_at]

    async def reserve(
        self,
        network: Network,
        amount: Usdt,
        payer: Payer,
        starts_at: datetime,
        ends_at: datetime,
    ) -> ReservationId | None:
        reservation = Reservation(
            id=ReservationId(next(self._state.reservation_numbers)),
            network=network,
            amount=amount,
            payer=payer,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        if self._is_taken(reservation):
            return None
        self._state.reservations.put(reservation.id, reservation)
        return reservation.id

    async def lock_reservation(self, reservation: ReservationId) -> Sequence[Topup]:
        return self._state.topups_sharing(reservation)

    async def extend(self, reservation: ReservationId, ends_at: datetime) -> None:
        kept = self._state.reservations[reservation]
        extended = attrs.evolve(kept, ends_at=max(kept.ends_at, ends_at))
        if self._is_taken(extended):
            raise AmountTaken
        self._state.reservations.put(reservation, extended)

    async def release(self, reservation: ReservationId, ends_at: datetime) -> None:
        kept = self._state.reservations[reservation]
        self._state.reservations.put(reservation, attrs.evolve(kept, ends_at=min(kept.ends_at, ends_at)))

    async def find(self, account: AccountId, topup: TopupId) -> Topup | None:
        found = self._state.topups.get(topup)
        return found if found is not None and found.account_id == account else None

    async def unpaid(self, account: AccountId, *, since: datetime) -> Sequence[Topup]:
        own = (self._state.topups[key] for key in self._state.topups_of.of(account))
        made = [topup for topup in own if topup.created_at >= since and not topup.is_credited]
        return sorted(made, key=lambda topup: (topup.created_at, topup.id))

    async def add(self, topup: Topup) -> None:
        if topup.id in self._state.topups:
            raise AlreadyDone
        if topup.reservation_id not in self._state.reservations:
            raise InvalidValue(f"there is no reservation {topup.reservation_id}")
        self._state.topups.put(topup.id, topup)

    async def save(self, topup: Topup) -> None:
        kept = self._state.topups[topup.id]
        if not _may_become(kept.status, topup.status):
            raise AlreadyDone
        self._state.topups.put(
            topup.id,
            attrs.evolve(kept, status=topup.status, deposit_id=topup.deposit_id),
        )

    async def expire_due(self, network: Network, *, limit: int) -> int:
        state = self._state
        read_until = state.read_until.get(network)
        if read_until is None:
            return 0
        unsettled = [
            deposit
            for key in state.deposits_in.of(DepositStatus.RECEIVED)
            if (deposit := state.deposits[key].deposit).network is network
        ]
        due = (
            key
            for key in state.topups_in.of(TopupStatus.PENDING)
            if (topup := state.topups[key]).network is network
            and topup.expires_at <= read_until
            and not any(_could_pay(deposit, topup) for deposit in unsettled)
        )
        expired = list(islice(due, limit))
        for key in expired:
            topup = state.topups[key]
            state.topups.put(key, attrs.evolve(topup, status=TopupStatus.EXPIRED))
        return len(expired)

    def _is_taken(self, wanted: Reservation) -> bool:
        near = self._state.reserved_amounts.between(
            wanted.network,
            wanted.amount - TOLERANCE - TOLERANCE,
            wanted.amount + TOLERANCE + TOLERANCE,
        )
        return any(r.id != wanted.id and r.overlaps(wanted) for r in near)

    def _is_unpaid(self, reservation: ReservationId) -> bool:
        """Whether it is kept only because somebody may still pay late."""
        statuses = {t.status for t in self._state.topups_sharing(reservation)}
        return TopupStatus.EXPIRED in statuses and TopupStatus.PENDING not in statuses


def _could_pay(deposit: Deposit, topup: Topup) -> bool:
    return topup.holds(deposit.at) and within_tolerance(deposit.amount, topup.amount)


def _may_become(kept: TopupStatus, wanted: TopupStatus) -> bool:
    """What was credited stays so, and what has expired can only be credited by hand."""
    if kept is TopupStatus.EXPIRED:
        return wanted in {TopupStatus.EXPIRED, TopupStatus.CREDITED_MANUAL}
    return kept is TopupStatus.PENDING
