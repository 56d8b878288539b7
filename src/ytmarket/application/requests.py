"""What a signed or repeatable request must pass before it has an effect."""

from __future__ import annotations

from datetime import datetime

import attrs

from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain.errors import Refused, SignatureReplayed
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import AccountId, ApiKeyId
from ytmarket.domain.signatures import UsedSignature


@attrs.frozen(kw_only=True)
class Origin:
    """Whose request it is, and what makes it singular."""

    account_id: AccountId
    api_key_id: ApiKeyId
    attempt: Attempt | None = None
    signature: UsedSignature | None = None


async def replay_of(uow: UnitOfWork, origin: Origin, now: datetime) -> bytes | None:
    """Use the signature up and claim the attempt; the earlier answer, where there is one.

    Raises `SignatureReplayed`, `IdempotencyMismatch` and `IdempotencyInFlight`; what is committed then is
    that the signature is used up.
    """
    # First of all, so that the very same request beside this one waits for how this one ends: refused for
    # the attempt in flight, it would use the signature up before we do.
    fresh = origin.signature is None or await uow.requests.use_signature(origin.signature, now)
    stored, finished = None, False
    if origin.attempt is not None:
        stored = await uow.requests.hold(origin.api_key_id, origin.attempt)
        finished = stored is not None and stored.answers(origin.attempt)
    if not (fresh or finished):
        raise SignatureReplayed
    return None if stored is None or origin.attempt is None else stored.replay(origin.attempt)


async def spend_signature(new_unit_of_work: NewUnitOfWork, origin: Origin, now: datetime) -> None:
    """For a refused request whose own unit of work came to nothing, with the signature in it."""
    if origin.signature is not None:
        async with new_unit_of_work() as uow:
            await uow.requests.use_signature(origin.signature, now)
            await uow.commit()


@attrs.frozen(kw_only=True)
class RequestService:
    """Uses up the signatures of requests that were refused before they could have an effect."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock

    async def use_up(self, origin: Origin) -> bytes | None:
        """For a refused POST: raises if it is a replay; the earlier answer if it has one."""
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            try:
                answer = await replay_of(uow, origin, now)
            except Refused:
                await uow.commit()  # refused for another reason, it has used its signature up all the same
                raise
            await uow.commit()
        return answer

    async def forget_due(self, *, limit: int = 10_000) -> int:
        """Drop what is old enough to be forgotten."""
        async with self.new_unit_of_work() as uow:
            count = await uow.requests.forget(self.clock.now(), limit=limit)
            await uow.commit()
        return count
