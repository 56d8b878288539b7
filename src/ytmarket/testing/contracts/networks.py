"""What every store promises of the networks that are read, and of their troubles."""

from __future__ import annotations

from ytmarket.application.ports.networks import Coverage, NetworkState
from ytmarket.domain.coverage import Span
from ytmarket.domain.networks import Network
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, WALLET, World

TRON = Network.TRON


async def _watch(world: World, *, seconds: int = 0, **wallets: str) -> None:
    async with world.unit_of_work() as uow:
        await uow.networks.watch({Network[name]: wallets[name] for name in wallets}, NOW + seconds * SECOND)
        await uow.commit()


async def _note(
    world: World, trouble: str, *, wallet: str = WALLET, seconds: int = 0, stopped: bool = False
) -> None:
    async with world.unit_of_work() as uow:
        await uow.networks.note_trouble(TRON, wallet, trouble, NOW + seconds * SECOND, stopped=stopped)
        await uow.commit()


async def _cover(world: World, ends: tuple[int, int], *, name: str = "", seconds: int = 0) -> None:
    first, last = ends
    span = Span(
        first=first,
        last=last,
        first_hash=f"{name} first of {first}".strip(),
        last_hash=f"{name} last of {last}".strip(),
    )
    async with world.unit_of_work() as uow:
        await uow.networks.cover(TRON, WALLET, span, NOW + seconds * SECOND)
        await uow.commit()


async def _covered(world: World) -> list[tuple[int, int]]:
    return [(one.span.first, one.span.last) for one in await world.queries.coverage(TRON, WALLET)]


class NetworkContract(StorePartContract):
    """The promises of the `NetworkRepository` port, and what is told of networks."""

    async def test_networks_that_are_watched_are_told_of_by_name(self, world: World) -> None:
        assert list(await world.queries.network_states()) == []
        await _watch(world, TRON=WALLET, BSC="another wallet")
        assert list(await world.queries.network_states()) == [
            NetworkState(network=Network.BSC, wallet="another wallet"),
            NetworkState(network=TRON, wallet=WALLET),
        ]

    async def test_a_page_that_is_kept_is_a_success(self, world: World) -> None:
        await _watch(world, TRON=WALLET)
        await world.read(TRON, until=NOW + SECOND)
        (state,) = await world.queries.network_states()
        # The world keeps its pages at the time up to which they read.
        assert (state.read_until, state.last_success) == (NOW + SECOND, NOW + SECOND)

    async def test_a_network_that_is_read_unwatched_is_told_of_too(self, world: World) -> None:
        await world.read(TRON, until=NOW)
        assert list(await world.queries.network_states()) == [
            NetworkState(network=TRON, wallet=WALLET, read_until=NOW, last_success=NOW)
        ]

    async def test_the_last_trouble_is_told_and_how_far_it_had_been_read(self, world: World) -> None:
        await world.read(TRON, until=NOW)
        await _note(world, "it burns", seconds=1)
        await _note(world, "it floods", seconds=2)
        (state,) = await world.queries.network_states()
        assert (state.trouble, state.stopped) == ("it floods", False)
        assert (state.read_until, state.last_success) == (NOW, NOW)

    async def test_trouble_of_one_that_was_never_read_is_told(self, world: World) -> None:
        await _note(world, "it burns", stopped=True)
        assert list(await world.queries.network_states()) == [
            NetworkState(network=TRON, wallet=WALLET, trouble="it burns", stopped=True)
        ]

    async def test_a_page_ends_the_trouble_and_starts_what_had_stopped(self, world: World) -> None:
        await _note(world, "another chain", stopped=True)
        await world.read(TRON, until=NOW + SECOND)
        (state,) = await world.queries.network_states()
        assert (state.trouble, state.stopped) == (None, False)

    async def test_trouble_with_another_network_is_not_ended_by_it(self, world: World) -> None:
        await _note(world, "it burns")
        await world.read(Network.BSC, until=NOW + SECOND)
        troubles = {state.network: state.trouble for state in await world.queries.network_states()}
        assert troubles == {TRON: "it burns", Network.BSC: None}

    async def test_watching_again_forgets_no_trouble(self, world: World) -> None:
        await _note(world, "it burns")
        await _watch(world, seconds=1, TRON=WALLET)
        (state,) = await world.queries.network_states()
        assert state.trouble == "it burns"

    async def test_what_is_watched_no_more_is_told_of_no_more(self, world: World) -> None:
        await world.read(Network.BSC, until=NOW)
        await _note(world, "it burns", wallet="a former wallet")
        await _watch(world, seconds=1, TRON=WALLET)
        assert list(await world.queries.network_states()) == [NetworkState(network=TRON, wallet=WALLET)]

    async def test_progress_outlives_a_time_without_watching(self, world: World) -> None:
        await world.read(TRON, until=NOW)
        await _watch(world)
        await _watch(world, seconds=1, TRON=WALLET)
        (state,) = await world.queries.network_states()
        assert state.read_until == NOW

    async def test_of_two_wallets_the_one_heard_of_last_is_told(self, world: World) -> None:
        await world.read(TRON, until=NOW)
        await _note(world, "it burns", wallet="a new wallet", seconds=1)
        (state,) = await world.queries.network_states()
        assert state.wallet == "a new wallet"
        await world.read(TRON, until=NOW + 2 * SECOND)
        (state,) = await world.queries.network_states()
        assert (state.wallet, state.trouble) == (WALLET, None)

    async def test_spans_that_touch_or_overlap_are_one(self, world: World) -> None:
        await _cover(world, (10, 19), seconds=1)
        await _cover(world, (30, 39), seconds=2)
        assert await _covered(world) == [(10, 19), (30, 39)]
        await _cover(world, (20, 20), seconds=3)
        assert await _covered(world) == [(10, 20), (30, 39)]
        await _cover(world, (22, 28), seconds=4)
        assert await _covered(world) == [(10, 20), (22, 28), (30, 39)]
        await _cover(world, (15, 31), seconds=5)
        (one,) = await world.queries.coverage(TRON, WALLET)
        assert one == Coverage(
            network=TRON,
            wallet=WALLET,
            span=Span(first=10, last=39, first_hash="first of 10", last_hash="last of 39"),
            began_at=NOW + SECOND,
            read_at=NOW + 5 * SECOND,
        )

    async def test_a_span_inside_another_changes_no_end(self, world: World) -> None:
        await _cover(world, (10, 39))
        await _cover(world, (20, 29), seconds=1)
        (one,) = await world.queries.coverage(TRON, WALLET)
        assert one.span == Span(first=10, last=39, first_hash="first of 10", last_hash="last of 39")
        assert (one.began_at, one.read_at) == (NOW, NOW + SECOND)

    async def test_a_span_around_others_takes_them_in(self, world: World) -> None:
        for ends in ((10, 11), (20, 21), (30, 31)):
            await _cover(world, ends)
        await _cover(world, (5, 35), seconds=1)
        (one,) = await world.queries.coverage(TRON, WALLET)
        assert one.span == Span(first=5, last=35, first_hash="first of 5", last_hash="last of 35")

    async def test_the_hash_that_was_read_last_is_kept(self, world: World) -> None:
        await _cover(world, (10, 19), name="old")
        await _cover(world, (10, 19), name="new", seconds=1)
        (one,) = await world.queries.coverage(TRON, WALLET)
        assert (one.span.first_hash, one.span.last_hash) == ("new first of 10", "new last of 19")

    async def test_a_span_needs_no_hashes(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            await uow.networks.cover(TRON, WALLET, Span(first=0, last=2**62), NOW)
            await uow.commit()
        (one,) = await world.queries.coverage(TRON, WALLET)
        assert one.span == Span(first=0, last=2**62)

    async def test_wallets_and_networks_are_covered_apart(self, world: World) -> None:
        await _cover(world, (10, 19))
        assert list(await world.queries.coverage(TRON, "another wallet")) == []
        assert list(await world.queries.coverage(Network.BSC, WALLET)) == []

    async def test_what_is_covered_at_once_is_one_span(self, world: World) -> None:
        await at_once([(n * 10, n * 10 + 9) for n in range(6)], lambda ends: _cover(world, ends))
        assert await _covered(world) == [(0, 59)]

    async def test_without_a_commit_nothing_is_covered(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            await uow.networks.cover(TRON, WALLET, Span(first=1, last=2), NOW)
        assert list(await world.queries.coverage(TRON, WALLET)) == []

    async def test_without_a_commit_nothing_is_told(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            await uow.networks.watch({TRON: WALLET}, NOW)
            await uow.networks.note_trouble(TRON, WALLET, "it burns", NOW)
        assert list(await world.queries.network_states()) == []
