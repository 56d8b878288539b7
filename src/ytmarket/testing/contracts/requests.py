"""What every store promises of used signatures and stored answers."""

from __future__ import annotations

from datetime import datetime, timedelta

import anyio

from ytmarket.domain import limits
from ytmarket.domain.errors import IdempotencyInFlight
from ytmarket.domain.idempotency import Attempt, StoredAnswer
from ytmarket.domain.signatures import UsedSignature
from ytmarket.testing.contracts.concurrency import MOMENT_SECONDS, at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, Customer, World, attempt, signature_of

DAY = timedelta(days=1)


async def _use(world: World, signature: UsedSignature, now: datetime = NOW) -> bool:
    async with world.unit_of_work() as uow:
        fresh = await uow.requests.use_signature(signature, now)
        await uow.commit()
    return fresh


async def _keep(world: World, customer: Customer, made: Attempt, answer: bytes) -> None:
    async with world.unit_of_work() as uow:
        assert await uow.requests.hold(customer.key.id, made) is None
        await uow.requests.keep(customer.key.id, made, answer, NOW)
        await uow.commit()


async def _stored(world: World, customer: Customer, made: Attempt) -> StoredAnswer | None:
    async with world.unit_of_work() as uow:
        return await uow.requests.hold(customer.key.id, made)


async def _forget(world: World, now: datetime, *, limit: int = 1_000) -> int:
    async with world.unit_of_work() as uow:
        count = await uow.requests.forget(now, limit=limit)
        await uow.commit()
    return count


class RequestContract(StorePartContract):
    """The promises of the `RequestRepository` port."""

    async def test_a_signature_is_used_up_once(self, world: World) -> None:
        signature = signature_of(await world.customer(), "one")
        assert await _use(world, signature)
        assert not await _use(world, signature)

    async def test_the_same_digits_of_another_key_are_another_signature(self, world: World) -> None:
        assert await _use(world, signature_of(await world.customer(), "one"))
        assert await _use(world, signature_of(await world.customer(), "one"))

    async def test_a_signature_is_used_up_once_by_many_at_once(self, world: World) -> None:
        signature = signature_of(await world.customer(), "one")
        outcomes = await at_once(range(4), lambda _: _use(world, signature))
        assert sorted(outcomes, key=bool) == [False, False, False, True]

    async def test_what_was_not_committed_uses_no_signature_up(self, world: World) -> None:
        signature = signature_of(await world.customer(), "one")
        async with world.unit_of_work() as uow:
            assert await uow.requests.use_signature(signature, NOW)
        assert await _use(world, signature)

    async def test_a_signature_is_forgotten_after_ten_minutes_and_not_before(self, world: World) -> None:
        signature = signature_of(await world.customer(), "one")
        await _use(world, signature)
        assert await _forget(world, NOW + timedelta(minutes=10) - SECOND) == 0
        assert not await _use(world, signature)
        assert await _forget(world, NOW + timedelta(minutes=10) + 2 * SECOND) == 1
        assert await _use(world, signature, NOW + timedelta(minutes=11))

    async def test_no_more_is_forgotten_at_a_time_than_asked_for(self, world: World) -> None:
        customer = await world.customer()
        for number in range(3):
            await _use(world, signature_of(customer, str(number)))
        later = NOW + DAY
        assert [await _forget(world, later, limit=2) for _ in range(3)] == [2, 1, 0]

    async def test_an_answer_is_kept_byte_for_byte(self, world: World) -> None:
        customer, made = await world.customer(), attempt("key-1", b'{"a":1}')
        answer = b'{"order_id": 1, "\xd1\x8f": "\x00"}'
        await _keep(world, customer, made, answer)
        stored = await _stored(world, customer, made)
        assert stored == StoredAnswer(digest=made.digest, answer=answer, at=NOW)

    async def test_another_body_under_the_same_key_finds_the_first_answer(self, world: World) -> None:
        customer, made = await world.customer(), attempt("key-1", b"{}")
        await _keep(world, customer, made, b"first")
        other = attempt("key-1", b'{"other": "body"}')
        stored = await _stored(world, customer, other)
        assert stored is not None
        assert not stored.answers(other)

    async def test_an_idempotency_key_belongs_to_one_api_key(self, world: World) -> None:
        made = attempt("key-1")
        await _keep(world, await world.customer(), made, b"first")
        assert await _stored(world, await world.customer(), made) is None

    async def test_an_answer_is_kept_only_with_its_effect(self, world: World) -> None:
        customer, made = await world.customer(), attempt("key-1")
        async with world.unit_of_work() as uow:
            await uow.requests.hold(customer.key.id, made)
            await uow.requests.keep(customer.key.id, made, b"never sent", NOW)
        assert await _stored(world, customer, made) is None

    async def test_an_answer_is_kept_for_a_day_and_not_for_ever(self, world: World) -> None:
        customer, made = await world.customer(), attempt("key-1")
        await _keep(world, customer, made, b"first")
        assert await _forget(world, NOW + DAY) == 0
        assert await _stored(world, customer, made) is not None
        assert await _forget(world, NOW + limits.IDEMPOTENCY_KEPT + SECOND) == 1
        assert await _stored(world, customer, made) is None

    async def test_while_an_attempt_is_held_another_is_refused_or_waits(self, world: World) -> None:
        """A store may let the second wait, but never let it through without the first's answer."""
        customer, made = await world.customer(), attempt("key-1")
        held, met = anyio.Event(), list[StoredAnswer | IdempotencyInFlight | None]()

        async def first() -> None:
            async with world.unit_of_work() as uow:
                assert await uow.requests.hold(customer.key.id, made) is None
                held.set()
                await anyio.sleep(MOMENT_SECONDS)
                await uow.requests.keep(customer.key.id, made, b"first", NOW)
                await uow.commit()

        async def second() -> None:
            await held.wait()
            try:
                met.append(await _stored(world, customer, made))
            except IdempotencyInFlight as refusal:
                met.append(refusal)

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(second)
        (outcome,) = met
        assert outcome is not None
        if isinstance(outcome, StoredAnswer):
            assert outcome.answer == b"first"

    async def test_an_attempt_that_came_to_nothing_is_free_again(self, world: World) -> None:
        customer, made = await world.customer(), attempt("key-1")
        assert await _stored(world, customer, made) is None
        await _keep(world, customer, made, b"second try")
