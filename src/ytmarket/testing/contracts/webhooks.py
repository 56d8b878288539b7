"""What every store promises of events on their way to clients' servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import sha256

import attrs

from ytmarket.application.ports.queries import ExhaustedWebhooks
from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain import orders
from ytmarket.domain.ids import ApiKeyId, EventId
from ytmarket.domain.limits import WEBHOOK_ATTEMPTS_MAX
from ytmarket.domain.orders import Order
from ytmarket.domain.webhooks import RECEIVER_SHARE, Delivery, WebhookJob, receiver_of
from ytmarket.testing.contracts.concurrency import at_once, while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, Customer, World

URL = "https://receiver.example/hook"
SPELLINGS = (
    *(f"https://über.example?order={number}" for number in range(3)),
    *(f"https://{host}.example/" for host in ("ÜBER", "Über", "u\u0308ber", "xn--ber-goa", "XN--BER-GOA")),
    *(f"https://über.example{end}/" for end in (".", ":", ":443", ":0443", ".:443")),
    "https://über.example#here",
)
LEASE = timedelta(seconds=60)
LEASE_OF_ONE = "lease of one worker"


async def _placed(world: World, count: int = 1, webhook_url: str | None = URL) -> list[Order]:
    customer, product = await world.customer(1_000), await world.product(1, units=count)
    return [await world.order(customer, product, webhook_url=webhook_url) for _ in range(count)]


async def _claim(
    world: World, now: datetime = NOW, token: str = LEASE_OF_ONE, *, limit: int = 10
) -> list[WebhookJob]:
    async with world.unit_of_work() as uow:
        jobs = await uow.webhooks.claim(now, now + LEASE, token, limit=limit)
        await uow.commit()
    return list(jobs)


async def _record(
    world: World,
    job: WebhookJob,
    delivery: Delivery,
    due_at: datetime | None = None,
    status: int | None = 200,
) -> bool:
    async with world.unit_of_work() as uow:
        kept = await uow.webhooks.record(job, delivery, due_at, status)
        await uow.commit()
    return kept


async def _give_back(world: World, job: WebhookJob) -> bool:
    async with world.unit_of_work() as uow:
        kept = await uow.webhooks.give_back(job)
        await uow.commit()
    return kept


async def _resend(world: World, event: EventId | None, now: datetime) -> Delivery | None:
    assert event is not None
    async with world.unit_of_work() as uow:
        was = await uow.webhooks.resend(event, now)
        await uow.commit()
    return was


async def _another_key(world: World, customer: Customer, secret: bytes | None) -> ApiKeyId:
    async with world.unit_of_work() as uow:
        number = await uow.api_keys.next_id()
        digest = sha256(f"another key {number}".encode()).digest()
        key = attrs.evolve(customer.key, id=number, fp=digest.hex()[:12], sealed_secret=secret)
        await uow.api_keys.add(key, digest)
        await uow.commit()
    return number


async def _signing(world: World) -> ApiKeyId | None:
    """Whose secret would sign the one event that is due; it stays due."""
    async with world.unit_of_work() as uow:
        (job,) = await uow.webhooks.claim(NOW, NOW + LEASE, LEASE_OF_ONE, limit=10)
    return None if job.api_key is None else job.api_key.id


class WebhookContract(StorePartContract):
    """The promises of the `WebhookRepository` port."""

    async def test_a_job_tells_all_that_sending_needs(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=1)
        async with world.unit_of_work() as uow:
            await uow.api_keys.set_secret(customer.key.id, b"sealed")
            await uow.commit()
        order = await world.order(customer, product, webhook_url=URL)
        (job,) = await _claim(world)
        assert job.order == order
        assert job.event.order_id == order.id
        assert job.event.status == "processing"
        assert job.event.at == NOW
        assert job.event.id is not None
        assert job.api_key is not None
        assert job.api_key.sealed_secret == b"sealed"
        assert (job.attempt, job.token) == (1, LEASE_OF_ONE)

    async def test_a_key_that_was_replaced_signs_no_more(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=1)
        await world.order(customer, product, webhook_url=URL)
        async with world.unit_of_work() as uow:
            await uow.api_keys.set_secret(customer.key.id, b"leaked")
            await uow.commit()
        unsigned = await _another_key(world, customer, secret=None)
        first = await _another_key(world, customer, secret=b"first")
        second = await _another_key(world, customer, secret=b"second")
        await _another_key(world, await world.customer(), secret=b"a stranger's")
        signing = []
        for leaving in (customer.key.id, second, first, unsigned):
            signing.append(await _signing(world))
            async with world.unit_of_work() as uow:
                await uow.api_keys.revoke(leaving, NOW)
                await uow.commit()
        # Where nobody can sign in its place, the order's own key does.
        assert [*signing, await _signing(world)] == [customer.key.id, second, first, *2 * [customer.key.id]]

    async def test_an_order_without_a_url_wants_no_webhook(self, world: World) -> None:
        await _placed(world, webhook_url=None)
        assert await _claim(world) == []

    async def test_an_event_is_claimed_by_one_until_the_lease_ends(self, world: World) -> None:
        await _placed(world)
        (job,) = await _claim(world)
        assert await _claim(world, NOW + LEASE - SECOND, "another") == []
        (again,) = await _claim(world, NOW + LEASE, "another")
        assert again.event == job.event
        assert (again.attempt, again.token) == (2, "another")

    async def test_a_claim_is_an_attempt_though_nobody_records_how_it_went(self, world: World) -> None:
        (order,) = await _placed(world)
        for number in range(1, WEBHOOK_ATTEMPTS_MAX + 3):
            (job,) = await _claim(world, NOW + number * LEASE)
            assert job.attempt == min(number, WEBHOOK_ATTEMPTS_MAX + 1)
            assert job.is_spent == (number > WEBHOOK_ATTEMPTS_MAX)
            (event,) = await world.queries.events(order.id)
            assert event.attempts == min(number, WEBHOOK_ATTEMPTS_MAX)

    async def test_a_claim_that_is_given_back_is_no_attempt_and_holds_until_its_lease_ends(
        self, world: World
    ) -> None:
        (order,) = await _placed(world)
        await _claim(world)
        for number in range(1, WEBHOOK_ATTEMPTS_MAX + 3):
            (job,) = await _claim(world, NOW + number * LEASE)
            assert (job.attempt, job.is_spent) == (2, False)
            for _ in range(2):
                assert await _give_back(world, job)
            assert await _claim(world, NOW + (number + 1) * LEASE - SECOND, "another") == []
            (event,) = await world.queries.events(order.id)
            assert event.attempts == 1

    async def test_a_claim_that_is_lost_is_not_given_back(self, world: World) -> None:
        (order,) = await _placed(world)
        (late,) = await _claim(world)
        (job,) = await _claim(world, NOW + LEASE, "another")
        assert not await _give_back(world, late)
        assert await _record(world, job, Delivery.PENDING, NOW + LEASE, 503)
        assert not await _give_back(world, job)
        (event,) = await world.queries.events(order.id)
        assert event.attempts == 2

    async def test_many_workers_at_once_claim_each_event_once(self, world: World) -> None:
        await _placed(world, 6)
        shares = await at_once(range(4), lambda n: _claim(world, token=f"lease {n}", limit=3))
        jobs = [job for share in shares if isinstance(share, list) for job in share]
        jobs += await _claim(world, token="the rest")
        assert len(jobs) == len({job.event.id for job in jobs}) == 6

    async def test_what_is_being_claimed_is_claimed_by_nobody_else(self, world: World) -> None:
        await _placed(world, 3)
        claimed: list[WebhookJob] = []

        def claim(token: str) -> Callable[[UnitOfWork], Awaitable[object]]:
            async def claim_two(uow: UnitOfWork) -> None:
                claimed.extend(await uow.webhooks.claim(NOW, NOW + LEASE, token, limit=2))

            return claim_two

        await while_open(world.unit_of_work, claim("one"), claim("another"))
        assert len({job.event.id for job in claimed}) == len(claimed)

    async def test_no_more_is_claimed_than_asked_for(self, world: World) -> None:
        await _placed(world, 3)
        assert len(await _claim(world, limit=2)) == 2
        assert len(await _claim(world, limit=2)) == 1

    async def test_one_receiver_gets_no_more_than_its_share_at_once(self, world: World) -> None:
        await _placed(world, RECEIVER_SHARE + 2)
        (other,) = await _placed(world, webhook_url="https://other.example:8443/hook")
        jobs = await _claim(world, limit=100)
        assert len(jobs) == RECEIVER_SHARE + 1
        assert other.id in {job.order.id for job in jobs}

    async def test_a_receiver_is_the_same_however_its_url_spells_it(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(1, units=len(SPELLINGS))
        for url in SPELLINGS:
            await world.order(customer, product, webhook_url=url)
        jobs = await _claim(world, limit=100)
        assert len(jobs) == RECEIVER_SHARE
        for job in jobs:
            await _record(world, job, Delivery.EXHAUSTED, status=404)
        (lost,) = await world.queries.exhausted_webhooks(NOW)
        assert (lost.receiver, lost.events) == ("xn--ber-goa.example", RECEIVER_SHARE)

    async def test_receivers_named_as_full_are_passed_over(self, world: World) -> None:
        await _placed(world)
        (other,) = await _placed(world, webhook_url="https://OTHER.example:8443/hook?a=/b")
        async with world.unit_of_work() as uow:
            jobs = await uow.webhooks.claim(
                NOW, NOW + LEASE, "lease", limit=10, full=[receiver_of(URL), "no such receiver"]
            )
        assert [job.order.id for job in jobs] == [other.id]

    async def test_an_orders_events_go_out_in_their_order(self, world: World) -> None:
        (order,) = await _placed(world)
        await world.move(order.id, lambda locked: orders.fail(locked, "no", NOW + SECOND))
        await world.move(order.id, lambda locked: orders.refund(locked, NOW + SECOND))
        now, told = NOW + 2 * SECOND, []
        for ending in (Delivery.DELIVERED, Delivery.EXHAUSTED, Delivery.DELIVERED):
            (job,) = await _claim(world, now)
            assert await _claim(world, now, "another") == []
            assert await _record(world, job, ending)
            told.append(job.event.status)
        assert told == ["processing", "failed", "refunded"]
        assert await _claim(world, now) == []

    async def test_an_event_waits_while_an_earlier_one_is_to_be_tried_again(self, world: World) -> None:
        (order,) = await _placed(world)
        await world.move(order.id, lambda locked: orders.deliver(locked, NOW))
        (job,) = await _claim(world)
        retry_at = NOW + 5 * SECOND
        assert await _record(world, job, Delivery.PENDING, retry_at, 503)
        assert await _claim(world, retry_at - SECOND) == []
        (again,) = await _claim(world, retry_at)
        assert again.event == job.event
        assert again.attempt == 2

    async def test_one_order_does_not_hold_another_up(self, world: World) -> None:
        one, two = await _placed(world, 2)
        (job, _) = sorted(await _claim(world), key=lambda job: job.order.id)
        await _record(world, job, Delivery.PENDING, NOW + timedelta(hours=1), None)
        await world.move(two.id, lambda locked: orders.deliver(locked, NOW))
        assert await _claim(world, NOW + SECOND) == []  # the first event of each is still on its way
        jobs = await _claim(world, NOW + LEASE)
        assert [job.order.id for job in jobs] == [two.id]
        assert job.order.id == one.id

    async def test_an_attempt_is_recorded_only_while_its_claim_holds(self, world: World) -> None:
        await _placed(world)
        (late,) = await _claim(world)
        (job,) = await _claim(world, NOW + LEASE, "another")
        assert not await _record(world, late, Delivery.EXHAUSTED, status=500)
        assert await _record(world, job, Delivery.DELIVERED)
        assert not await _record(world, job, Delivery.EXHAUSTED, status=500)
        assert await _claim(world, NOW + timedelta(days=1)) == []

    async def test_what_is_done_is_not_claimed_again(self, world: World) -> None:
        await _placed(world, 2)
        one, two = await _claim(world)
        await _record(world, one, Delivery.DELIVERED)
        await _record(world, two, Delivery.EXHAUSTED, status=404)
        assert await _claim(world, NOW + timedelta(days=1)) == []

    async def test_an_event_can_be_sent_again_from_its_first_attempt(self, world: World) -> None:
        later = NOW + timedelta(hours=1)
        for ending in (Delivery.DELIVERED, Delivery.EXHAUSTED):
            await _placed(world)
            (job,) = await _claim(world)
            await _record(world, job, Delivery.PENDING, NOW, 500)
            (second,) = await _claim(world)
            await _record(world, second, ending)
            assert await _resend(world, job.event.id, later) is ending
            assert await _claim(world, later - SECOND) == []
            (again,) = await _claim(world, later)
            assert (again.event, again.attempt) == (job.event, 1)
            await _record(world, again, Delivery.DELIVERED)

    async def test_sending_again_takes_the_event_from_whoever_is_at_it(self, world: World) -> None:
        await _placed(world)
        (job,) = await _claim(world)
        assert await _resend(world, job.event.id, NOW) is Delivery.PENDING
        assert not await _record(world, job, Delivery.EXHAUSTED, status=500)
        (again,) = await _claim(world, NOW, "another")
        assert again.event == job.event

    async def test_what_waited_for_an_event_follows_it_when_it_is_sent_again(self, world: World) -> None:
        (order,) = await _placed(world)
        await world.move(order.id, lambda locked: orders.deliver(locked, NOW))
        (job,) = await _claim(world)
        assert await _record(world, job, Delivery.PENDING, NOW + timedelta(minutes=10), 503)
        assert await _resend(world, job.event.id, NOW + SECOND) is Delivery.PENDING
        (again,) = await _claim(world, NOW + SECOND)
        assert again.event == job.event
        assert await _record(world, again, Delivery.DELIVERED)
        (following,) = await _claim(world, NOW + SECOND)
        assert following.event.status == "completed"

    async def test_sending_an_event_again_hastens_none_that_failed_itself(self, world: World) -> None:
        (order,) = await _placed(world)
        await world.move(order.id, lambda locked: orders.deliver(locked, NOW))
        (first,) = await _claim(world)
        assert await _record(world, first, Delivery.EXHAUSTED, status=404)
        (failing,) = await _claim(world)
        retry_at = NOW + timedelta(minutes=10)
        assert await _record(world, failing, Delivery.PENDING, retry_at, 503)
        await _resend(world, first.event.id, NOW + SECOND)
        (again,) = await _claim(world, NOW + SECOND)
        assert await _record(world, again, Delivery.DELIVERED)
        assert await _claim(world, retry_at - SECOND) == []
        (late,) = await _claim(world, retry_at)
        assert late.event == failing.event

    async def test_an_unknown_event_is_not_sent_again(self, world: World) -> None:
        for unknown in ("404", "evt_404", "00000000-0000-4000-8000-000000000000", "", "нет"):
            assert await _resend(world, EventId(unknown), NOW) is None

    async def test_an_event_is_not_on_its_way_before_its_order_is_committed(self, world: World) -> None:
        (order,) = await _placed(world)
        (job,) = await _claim(world)
        await _record(world, job, Delivery.DELIVERED)
        async with world.unit_of_work() as uow:
            await uow.orders.record(orders.deliver(order, NOW))
        assert await _claim(world) == []

    async def test_what_was_given_up_is_told_by_receiver_until_it_is_sent_again(self, world: World) -> None:
        one, two = await _placed(world, 2)
        (other,) = await _placed(world, webhook_url="https://OTHER.example:8443/hook")
        jobs = {job.order.id: job for job in await _claim(world)}
        assert await world.queries.exhausted_webhooks(NOW) == []
        for job in jobs.values():
            await _record(world, job, Delivery.EXHAUSTED, status=404)
        first = {number: EventId(str(job.event.id)) for number, job in jobs.items()}
        lost = [
            ExhaustedWebhooks(
                receiver="other.example:8443", events=1, first=first[other.id], order_id=other.id
            ),
            ExhaustedWebhooks(receiver="receiver.example", events=2, first=first[one.id], order_id=one.id),
        ]
        assert await world.queries.exhausted_webhooks(NOW) == lost
        assert await world.queries.exhausted_webhooks(NOW + SECOND) == []
        await _resend(world, first[one.id], NOW)
        rest = ExhaustedWebhooks(receiver="receiver.example", events=1, first=first[two.id], order_id=two.id)
        assert await world.queries.exhausted_webhooks(NOW) == [lost[0], rest]
