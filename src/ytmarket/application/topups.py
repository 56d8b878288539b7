"""Opening top-ups: an amount is found that nobody else awaits, and reserved."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import attrs

from ytmarket.application.paying import Payees
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.application.reading import TopupState
from ytmarket.application.requests import Origin, replay_of, spend_signature
from ytmarket.domain import limits, topups
from ytmarket.domain.errors import AmountTaken, IdempotencyInFlight, Refused
from ytmarket.domain.ids import AccountId, ReservationId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import REACH, TOLERANCE, Payer, Purpose, choose_amount
from ytmarket.domain.topups import Topup, TopupTerms, TopupTimes

FAR_REACH: Final = Usdt.of(100)  # how far up a free amount is looked for, only to name it
TRIES_MAX: Final = 50


@attrs.frozen(kw_only=True)
class OpenTopup:
    """A request to top up. *exact*: refuse rather than answer another amount."""

    amount: Usdt
    network: Network
    exact: bool = False


@attrs.frozen
class TopupAnswer:
    """The top-up that was opened and its answer; no top-up when it was a replay."""

    body: bytes
    topup: Topup | None = None

    @property
    def replayed(self) -> bool:
        return self.topup is None


@attrs.frozen(kw_only=True)
class TopupService:
    """Opens top-ups and lets unpaid ones expire. *payees* says where each network is paid to."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    tokens: Tokens
    terms: TopupTerms
    payees: Payees
    render: Callable[[TopupState], bytes]

    async def open(self, origin: Origin, command: OpenTopup | Refused) -> TopupAnswer:
        """Reserve an amount for the account, and say where to send it.

        Raises what `requests.replay_of` refuses, `InvalidRequest`, `AmountTaken`,
        `TooManyOpenTopups` and `TooManyUnpaidTopups`. A refused request still uses its signature up.
        Raises `Unavailable` as well, for a network that was not read yet.
        """
        try:
            return await self._answer(origin, command)
        except IdempotencyInFlight:
            # The store may have taken the signature back with everything else.
            await spend_signature(self.new_unit_of_work, origin, self.clock.now())
            raise

    async def _answer(self, origin: Origin, command: OpenTopup | Refused) -> TopupAnswer:
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            try:
                outcome = await replay_of(uow, origin, now) or await self._open(uow, origin, command)
            except Refused:
                await uow.commit()  # nothing but the signature has been written
                raise
            if isinstance(outcome, bytes):
                await uow.commit()
                return TopupAnswer(outcome)
            read_until = await uow.deposits.read_until(outcome.network)
            body = self.render(TopupState.of(outcome, read_until, now))
            if origin.attempt is not None:
                await uow.requests.keep(origin.api_key_id, origin.attempt, body, now)
            await uow.commit()
        return TopupAnswer(body, outcome)

    async def expire_due(self, *, limit: int = 1_000) -> int:
        """Mark unpaid top-ups expired whose networks have been read past their end."""
        count = 0
        for network in self.payees.wallets:
            async with self.new_unit_of_work() as uow:
                count += await uow.topups.expire_due(network, limit=limit)
                await uow.commit()
        return count

    async def _open(self, uow: UnitOfWork, origin: Origin, command: OpenTopup | Refused) -> Topup:
        account = origin.account_id
        if isinstance(command, Refused):
            raise command
        address = await self.payees.address(uow, command.network)
        topups.check_amount(command.amount)
        times = TopupTimes.of(command.network, self.terms, self.clock.now())
        await uow.accounts.lock([account])
        open_count, unpaid_count = await uow.topups.counts(account, times.created_at)
        topups.check_room(open_topups=open_count, terms=self.terms)
        amount, reservation = await self._reserve(uow, account, command, times, unpaid_count)
        topup = Topup(
            id=TopupId(self.tokens.topup_id()),
            account_id=account,
            reservation_id=reservation,
            network=command.network,
            address=address,
            requested=command.amount,
            amount=amount,
            created_at=times.created_at,
            starts_at=times.starts_at,
            expires_at=times.expires_at,
        )
        await uow.topups.add(topup)
        return topup

    async def _reserve(
        self, uow: UnitOfWork, account: AccountId, command: OpenTopup, times: TopupTimes, unpaid: int
    ) -> tuple[Usdt, ReservationId]:
        """Share the account's own reservation, or take a free amount, at or above the one asked for."""
        payer = Payer(Purpose.TOPUP, account)
        for _ in range(TRIES_MAX):
            own, others = await self._near(uow, payer, command.network, command.amount, REACH, times)
            amount = self._choose(command, own, others)
            if amount is None or (command.exact and amount != command.amount):
                free = amount or await self._far(uow, payer, command, times)
                # No more can be asked for than the most, though more may be sent.
                raise AmountTaken(next_amount_usdt=free if free and free <= limits.TOPUP_MAX else None)
            if amount in own:
                return amount, await self._share(uow, own[amount], times)
            topups.check_reservations(unpaid=unpaid, terms=self.terms)
            reservation = await uow.topups.reserve(
                command.network, amount, payer, times.starts_at, times.reserved_until
            )
            if reservation is not None:
                return amount, reservation
        raise AmountTaken

    def _choose(self, command: OpenTopup, own: Collection[Usdt], others: Collection[Usdt]) -> Usdt | None:
        """With tags any that fits of the cents above what was asked for, else the first step that does."""
        if command.exact or not self.terms.tags:
            return choose_amount(command.amount, own=own, others=others)
        fitting = topups.tagged(command.amount, own=own, others=others)
        return fitting[self.tokens.below(len(fitting))] if fitting else None

    async def _far(self, uow: UnitOfWork, payer: Payer, command: OpenTopup, times: TopupTimes) -> Usdt | None:
        """A free amount further up than we would take by ourselves, to be named in a refusal."""
        asked = command.amount + REACH
        own, others = await self._near(uow, payer, command.network, asked, FAR_REACH, times)
        return choose_amount(asked, own=own, others=others, reach=FAR_REACH)

    @staticmethod
    async def _near(
        uow: UnitOfWork, payer: Payer, network: Network, asked: Usdt, reach: Usdt, times: TopupTimes
    ) -> tuple[dict[Usdt, ReservationId], list[Usdt]]:
        """What is reserved within reach: the payer's own by amount, and others' amounts."""
        near = await uow.topups.reservations(
            network, asked - TOLERANCE, asked + reach + TOLERANCE, times.starts_at, times.reserved_until
        )
        own = {held.amount: held.id for held in near if held.payer == payer}
        return own, [held.amount for held in near if held.payer != payer]

    async def _share(self, uow: UnitOfWork, reservation: ReservationId, times: TopupTimes) -> ReservationId:
        await uow.topups.lock_reservation(reservation)
        await uow.topups.extend(reservation, times.reserved_until)
        return reservation
