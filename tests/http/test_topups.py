"""Top-ups over HTTP: amounts that are nudged, shared and refused, and what becomes of them."""

from datetime import timedelta
from decimal import Decimal

import attrs
import pytest

from tests.http.shop import NOW, open_world
from tests.http.test_admission import code_of
from ytmarket.application.audit import Actor
from ytmarket.application.errors import Unavailable
from ytmarket.application.instructions import Instruction
from ytmarket.application.website import Buy, WebsiteOrder
from ytmarket.domain.ids import ProductId
from ytmarket.domain.networks import Network
from ytmarket.domain.times import epoch_seconds
from ytmarket.domain.topups import TopupTerms
from ytmarket.entrypoints.settings import Settings

TOPUP = {"amount_usdt": 100, "network": "usdt_ton"}
PATH = "/api/v1/balance/topup"


async def test_an_amount_that_is_taken_is_nudged_with_a_notice() -> None:
    world = open_world()
    async with world.client(await world.mint()) as first, world.client(await world.mint()) as second:
        assert (await first.post(PATH, json=TOPUP)).json()["amount_usdt"] == 100.0
        nudged = (await second.post(PATH, json=TOPUP)).json()
        assert (nudged["amount_usdt"], nudged["requested_amount_usdt"]) == (100.03, 100.0)
        assert "100.03" in nudged["notice"]
        exact = await second.post(PATH, json=TOPUP | {"amount_usdt": 100.01, "exact": True})
        assert code_of(exact) == (409, "amount_taken")
        assert exact.json()["next_amount_usdt"] == 100.07  # 100.04 would touch the band of 100.03
        again = (await first.post(PATH, json=TOPUP)).json()
        assert (again["amount_usdt"], "notice" in again) == (100.0, False)


async def test_how_many_may_be_open() -> None:
    world = open_world(topup_terms=TopupTerms(max_open=2))
    async with world.client(await world.mint()) as client:
        for _ in range(2):
            assert (await client.post(PATH, json=TOPUP)).status_code == 200
        refused = await client.post(PATH, json=TOPUP)
        assert code_of(refused) == (409, "too_many_open_topups")
        assert refused.json()["limit"] == 2


async def test_a_network_without_a_wallet_is_refused_with_those_that_have_one() -> None:
    world = open_world(closed=[Network.TON])
    async with world.client(await world.mint()) as client:
        for name in ("usdt_ton", "usdt_moon"):
            refused = await client.post(PATH, json=TOPUP | {"network": name})
            assert code_of(refused) == (422, "invalid_request")
            assert refused.json()["errors"][0]["pointer"] == "/network"
            assert refused.json()["networks"] == [net for net in Network if net is not Network.TON]
        offered = await client.post(PATH, json=TOPUP | {"network": Network.SOLANA})
        assert offered.status_code == 200
        assert (await client.get("/api/v1/balance/topups")).json()["total"] == 1


def test_how_many_and_how_far_behind_are_settings() -> None:
    given = {"TOPUP_MAX_OPEN": "3", "TOPUP_MAX_UNPAID": "2", "TOPUP_SKEW_SECONDS": "7"}
    settings = Settings.from_environment({f"YTMARKET_{name}": value for name, value in given.items()})
    terms = settings.topup_terms
    assert (terms.max_open, terms.max_unpaid) == (3, 2)
    assert terms.skew_of(Network.TRON) == settings.website_terms.skew_of(Network.BSC) == timedelta(seconds=7)
    assert terms.skew_of(Network.TON) == timedelta(seconds=15)
    for network in Network:
        assert Settings().topup_terms.skew_of(network) == network.facts.start_skew


@pytest.mark.parametrize(("age", "status"), [(40, "credited_auto"), (41, "pending")])
async def test_a_chains_clock_may_be_behind_by_what_is_set(age: int, status: str) -> None:
    settings = Settings.from_environment({"YTMARKET_TOPUP_SKEW_SLOW_SECONDS": "40"})
    world = open_world(topup_terms=settings.topup_terms)
    await world.work()
    async with world.client(await world.mint()) as client:
        told = (await client.post(PATH, json=TOPUP)).json()
        paid = {"network": "usdt_ton", "amount_usdt": told["amount_usdt"], "age_seconds": age}
        assert (await client.post("/api/devnet/transfers", json=paid)).status_code == 200
        await world.work()
        assert (await client.get(f"{PATH}/{told['topup_id']}")).json()["status"] == status


async def test_tags_are_added_to_what_was_asked_for() -> None:
    world = open_world(topup_terms=TopupTerms(tags=True))
    async with world.client(await world.mint()) as client:
        told = (await client.post(PATH, json=TOPUP)).json()
    cents = (Decimal(str(told["amount_usdt"])) - 100) * 100
    assert 0 < cents < 100
    assert told["notice"]


async def test_tags_stay_below_a_usdt_and_are_refused_only_when_none_is_free() -> None:
    world = open_world(topup_terms=TopupTerms(tags=True))
    told: list[Decimal] = []
    while True:
        async with world.client(await world.mint()) as client:
            answer = await client.post(PATH, json=TOPUP)
            if answer.status_code != 200:
                break
            told.append(Decimal(str(answer.json()["amount_usdt"])))
    assert code_of(answer) == (409, "amount_taken")
    tags = [Decimal(100) + Decimal(cents) / 100 for cents in range(1, 100)]
    assert set(told) <= set(tags)
    assert all(any(abs(tag - taken) <= Decimal("0.02") for taken in told) for tag in tags)
    far = answer.json()["next_amount_usdt"]
    assert far >= 101
    async with world.client(await world.mint()) as client:
        assert (await client.post(PATH, json=TOPUP | {"amount_usdt": far})).status_code == 200


async def test_no_amount_is_named_that_would_be_refused_itself() -> None:
    world = open_world()
    most = TOPUP | {"amount_usdt": 100_000}
    async with world.client(await world.mint()) as first, world.client(await world.mint()) as second:
        assert (await first.post(PATH, json=most)).json()["amount_usdt"] == 100_000
        refused = await second.post(PATH, json=most | {"exact": True})
        assert code_of(refused) == (409, "amount_taken")
        assert "next_amount_usdt" not in refused.json()
        assert (await second.post(PATH, json=most)).json()["amount_usdt"] == 100_000.03


async def test_an_amount_in_quarantine_can_be_asked_for_again_when_no_other_can() -> None:
    world = open_world(topup_terms=TopupTerms(max_unpaid=1))
    await world.work()
    async with world.client(await world.mint()) as client:
        assert (await client.post(PATH, json=TOPUP)).status_code == 200
        world.clock.advance(timedelta(hours=1, seconds=1))
        for _ in range(2):
            await world.work()
        refused = await client.post(PATH, json=TOPUP | {"amount_usdt": 200})
        assert code_of(refused) == (409, "too_many_unpaid_topups")
        assert (await client.post(PATH, json=TOPUP)).json()["amount_usdt"] == 100


async def test_a_deposit_within_a_cent_is_credited_as_it_arrived() -> None:
    world = open_world()
    await world.work()
    async with world.client(await world.mint()) as client:
        told = (await client.post(PATH, json=TOPUP)).json()
        await client.post("/api/devnet/transfers", json={"network": "usdt_ton", "amount_usdt": "99.990001"})
        await world.work()
        status = (await client.get(f"{PATH}/{told['topup_id']}")).json()
        assert status == told | {"status": "credited_auto", "network_delayed": False}
        balance = await client.get("/api/v1/balance")
        assert balance.content.startswith(b'{"balance_usdt":99.990001,')
        assert (await client.get("/api/v1/balance/topups")).json() == {
            "items": [status],
            "page": 1,
            "page_size": 50,
            "total": 1,
        }


async def test_expired_only_once_the_network_was_read() -> None:
    world = open_world()
    async with world.client(await world.mint()) as client:
        told = (await client.post(PATH, json=TOPUP)).json()
        world.clock.advance(timedelta(hours=1, seconds=1))
        late = (await client.get(f"{PATH}/{told['topup_id']}")).json()
        assert (late["status"], late["network_delayed"]) == ("pending", True)
        for _ in range(2):
            await world.work()
        expired = (await client.get(f"{PATH}/{told['topup_id']}")).json()
        assert (expired["status"], expired["network_delayed"]) == ("expired", False)
        assert expired["expires_at"] == epoch_seconds(NOW) + 3600


async def test_it_is_told_at_once_that_a_network_is_read_late() -> None:
    world = open_world()
    async with world.client(await world.mint()) as client:
        once = {"Idempotency-Key": "never-read"}
        late = await client.post(PATH, json=TOPUP, headers=once)
        assert late.json()["network_delayed"] is True
        await world.work()
        assert (await client.get(f"{PATH}/{late.json()['topup_id']}")).json()["network_delayed"] is False
        assert (await client.post(PATH, json=TOPUP)).json()["network_delayed"] is False
        assert (await client.post(PATH, json=TOPUP, headers=once)).content == late.content
        world.clock.advance(timedelta(seconds=61))
        assert (await client.post(PATH, json=TOPUP)).json()["network_delayed"] is True


async def test_a_topup_is_its_owners_alone() -> None:
    world = open_world()
    async with world.client(await world.mint()) as client, world.client(await world.mint()) as other:
        name = (await client.post(PATH, json=TOPUP)).json()["topup_id"]
        assert (await client.get(f"{PATH}/{name}")).status_code == 200
        assert code_of(await other.get(f"{PATH}/{name}")) == (404, "topup_not_found")
        assert (await other.get("/api/v1/balance/topups")).json()["total"] == 0
        for absent in ("x", "%00", "x" * 300, "é", name.upper()):
            assert code_of(await client.get(f"{PATH}/{absent}")) == (404, "topup_not_found")


async def test_a_network_takes_no_payments_before_it_was_read() -> None:
    """Reading begins at what is final then: a payment from before would not be seen."""
    world = open_world(only_read=True)
    customer = await world.mint()
    async with world.client(customer) as client:
        early = await client.post(PATH, json=TOPUP)
        assert code_of(early) == (503, "unavailable")
        assert int(early.headers["Retry-After"]) > 0
        assert (await client.get("/api/v1/balance/topups")).json()["total"] == 0
        await world.work()
        assert (await client.post(PATH, json=TOPUP)).status_code == 200


async def test_nor_for_a_website_order() -> None:
    world = open_world(only_read=True)
    await world.product(1, "10")
    buy = Buy(product_id=ProductId(1), quantity=1, network=Network.TON)
    instruction = Instruction[WebsiteOrder](actor=Actor("ops"), reason="sold", attempt=None)
    with pytest.raises(Unavailable, match="not been read"):
        await world.services.website.open(buy, instruction)
    await world.work()
    opened = await world.services.website.open(buy, instruction)
    assert opened.fresh.checkout.network is Network.TON


async def test_a_shorter_lifetime_cuts_no_topup_off_that_is_still_open() -> None:
    world = open_world(topup_terms=TopupTerms(lifetime=timedelta(hours=2), quarantine=timedelta(hours=1)))
    await world.work()
    ann, bob = await world.mint(), await world.mint()
    async with world.client(ann) as client:
        await client.post(PATH, json=TOPUP)
    shorter = TopupTerms(lifetime=timedelta(hours=1), quarantine=timedelta(hours=1))
    topups = attrs.evolve(world.services.topups, terms=shorter)
    world.services = attrs.evolve(world.services, topups=topups)  # as after a restart
    world.clock.advance(timedelta(minutes=10))
    await world.work()
    async with world.client(ann) as client, world.client(bob) as other:
        assert (await client.post(PATH, json=TOPUP)).json()["amount_usdt"] == 100
        assert await world.services.books.watch() == []
        world.clock.advance(timedelta(minutes=61))
        await world.work()
        assert (await other.post(PATH, json=TOPUP)).json()["amount_usdt"] == 100.03
