"""What every store promises of customers' keys."""

from __future__ import annotations

from ipaddress import ip_network

import attrs
import pytest

from ytmarket.domain.api_keys import ApiKey, Usage
from ytmarket.domain.errors import AlreadyDone, KeyNotFound
from ytmarket.domain.ids import ApiKeyId
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, Customer, World


async def _another(world: World, customer: Customer, fp: str) -> ApiKey:
    async with world.unit_of_work() as uow:
        return attrs.evolve(customer.key, id=await uow.api_keys.next_id(), fp=fp)


async def _add(world: World, key: ApiKey, digest: bytes) -> None:
    async with world.unit_of_work() as uow:
        await uow.api_keys.add(key, digest)
        await uow.commit()


async def _by_fp(world: World, fp: str) -> ApiKey | None:
    async with world.unit_of_work() as uow:
        return await uow.api_keys.by_fp(fp)


async def _with_secrets(world: World, after: ApiKeyId, limit: int) -> list[ApiKey]:
    async with world.unit_of_work() as uow:
        return list(await uow.api_keys.with_secrets(after, limit=limit))


class ApiKeyContract(StorePartContract):
    """The promises of the `ApiKeyRepository` port."""

    async def test_a_key_is_found_by_its_digest_and_its_fingerprint(self, world: World) -> None:
        customer = await world.customer()
        assert await world.queries.keys([customer.digest]) == {customer.digest: customer.key}
        assert await _by_fp(world, customer.key.fp) == customer.key
        assert await _by_fp(world, "no such fp") is None

    async def test_a_key_reads_as_it_was_added(self, world: World) -> None:
        customer = await world.customer()
        key = attrs.evolve(
            await _another(world, customer, "f" * 12),
            label="ключ",
            sealed_secret=b"\x00\xffsealed",
            allowed=(ip_network("192.0.2.0/24"), ip_network("2001:db8::1/128")),
        )
        await _add(world, key, bytes(32))
        assert await _by_fp(world, key.fp) == key
        assert await world.queries.keys([bytes(32)]) == {bytes(32): key}

    async def test_a_digest_that_is_taken_is_refused(self, world: World) -> None:
        customer = await world.customer()
        key = await _another(world, customer, "f" * 12)
        with pytest.raises(AlreadyDone):
            await _add(world, key, customer.digest)
        assert await _by_fp(world, key.fp) is None

    async def test_a_fingerprint_that_is_taken_is_refused(self, world: World) -> None:
        customer = await world.customer()
        key = await _another(world, customer, customer.key.fp)
        with pytest.raises(AlreadyDone):
            await _add(world, key, bytes(32))
        assert await _by_fp(world, customer.key.fp) == customer.key

    async def test_numbers_are_given_once(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            first = await uow.api_keys.next_id()
        async with world.unit_of_work() as uow:
            assert await uow.api_keys.next_id() != first

    async def test_a_revoked_key_opens_nothing_and_keeps_its_fingerprint(self, world: World) -> None:
        customer = await world.customer()
        revoked_at = NOW + SECOND
        async with world.unit_of_work() as uow:
            await uow.api_keys.revoke(customer.key.id, revoked_at)
            await uow.commit()
        assert await world.queries.keys([customer.digest]) == {}
        assert await _by_fp(world, customer.key.fp) == attrs.evolve(customer.key, revoked_at=revoked_at)

    async def test_a_key_is_revoked_once(self, world: World) -> None:
        customer = await world.customer()
        async with world.unit_of_work() as uow:
            for moment in (NOW, NOW + SECOND):
                await uow.api_keys.revoke(customer.key.id, moment)
            await uow.commit()
        assert await _by_fp(world, customer.key.fp) == attrs.evolve(customer.key, revoked_at=NOW)

    async def test_an_unknown_key_cannot_be_changed(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            with pytest.raises(KeyNotFound):
                await uow.api_keys.revoke(ApiKeyId(404), NOW)
            with pytest.raises(KeyNotFound):
                await uow.api_keys.set_secret(ApiKeyId(404), b"sealed")
            with pytest.raises(KeyNotFound):
                await uow.api_keys.set_allowed(ApiKeyId(404), [])

    async def test_secret_and_addresses_can_be_changed(self, world: World) -> None:
        customer = await world.customer()
        allowed = (ip_network("198.51.100.7/32"),)
        async with world.unit_of_work() as uow:
            await uow.api_keys.set_secret(customer.key.id, b"sealed anew")
            await uow.api_keys.set_allowed(customer.key.id, allowed)
            await uow.commit()
        assert await _by_fp(world, customer.key.fp) == attrs.evolve(
            customer.key, sealed_secret=b"sealed anew", allowed=allowed
        )

    async def test_keys_with_secrets_are_looked_through_by_number(self, world: World) -> None:
        keys = []
        for number, sealed in enumerate([b"one", None, b"two", b"three"]):
            key = attrs.evolve(
                await _another(world, await world.customer(), f"{number}" * 12), sealed_secret=sealed
            )
            await _add(world, key, bytes([number] * 32))
            keys.append(key)
        async with world.unit_of_work() as uow:
            await uow.api_keys.revoke(keys[2].id, NOW)
            await uow.commit()
        revoked = attrs.evolve(keys[2], revoked_at=NOW)
        assert await _with_secrets(world, ApiKeyId(0), 2) == [keys[0], revoked]
        assert await _with_secrets(world, keys[2].id, 2) == [keys[3]]
        assert await _with_secrets(world, keys[3].id, 2) == []
        assert await world.queries.sealed() == 3

    async def test_usage_adds_up_in_whichever_order_it_is_written(self, world: World) -> None:
        key = (await world.customer()).key.id
        early = Usage(requests=2, first_used_at=NOW, last_used_at=NOW + SECOND, last_endpoint="/a")
        late = Usage(
            requests=3, first_used_at=NOW + 2 * SECOND, last_used_at=NOW + 3 * SECOND, last_endpoint="/b"
        )
        assert await world.queries.usage(key) is None
        for counted in (late, early):
            async with world.unit_of_work() as uow:
                await uow.api_keys.add_usage({key: counted, ApiKeyId(987_654_321): early})
                await uow.commit()
        assert await world.queries.usage(key) == Usage(
            requests=5, first_used_at=NOW, last_used_at=NOW + 3 * SECOND, last_endpoint="/b"
        )
