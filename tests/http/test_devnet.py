"""Devnet's doors: transfers and the supplier's mood, and no doors at all on real networks."""

import pytest

from tests.http.shop import open_world
from tests.http.test_admission import code_of
from ytmarket.application.ports.devnet import SupplierMode
from ytmarket.domain.networks import Network

TRANSFER = {"network": "usdt_ton", "amount_usdt": 5}


async def test_a_transfer_appears_on_its_chain() -> None:
    world = open_world()
    async with world.client() as client:
        told = {"amount_usdt": "5.000001", "sender": "UQ-somebody", "age_seconds": 120, "token": None}
        response = await client.post("/api/devnet/transfers", json=TRANSFER | told)
        assert response.status_code == 200
    (deposit,) = world.devnet.deposits(Network.TON)
    assert response.json() == {"tx_hash": deposit.tx_hash}
    assert (deposit.raw, deposit.sender) == (5_000_001, "UQ-somebody")
    assert (world.clock.now() - deposit.at).total_seconds() == 120


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"network": "usdt_erc_20"}, "/network"),
        ({"network": None}, "/network"),
        ({"amount_usdt": 0}, "/amount_usdt"),
        ({"amount_usdt": -1}, "/amount_usdt"),
        ({"amount_usdt": True}, "/amount_usdt"),
        ({"age_seconds": -1}, "/age_seconds"),
        ({"age_seconds": 1.5}, "/age_seconds"),
        ({"age_seconds": 10**15}, "/age_seconds"),
        ({"sender": 1}, "/sender"),
        ({"token": ""}, "/token"),
        ({"memo": "x"}, "/memo"),
    ],
)
async def test_transfers_that_cannot_be(change: dict[str, object], pointer: str) -> None:
    world = open_world()
    async with world.client() as client:
        response = await client.post("/api/devnet/transfers", json=TRANSFER | change)
        assert code_of(response) == (422, "invalid_request")
        assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("mode", list(SupplierMode))
async def test_the_suppliers_mood(mode: SupplierMode) -> None:
    world = open_world()
    async with world.client() as client:
        response = await client.post("/api/devnet/supplier", json={"mode": mode})
        assert (response.status_code, response.json()) == (200, {"mode": mode})
        assert await world.devnet.supplier_mode() is mode
        for bad in ({"mode": "steal"}, {"mode": 1}, {}):
            assert code_of(await client.post("/api/devnet/supplier", json=bad)) == (422, "invalid_request")


async def test_on_real_networks_there_is_nothing_here() -> None:
    world = open_world(devnet=False)
    async with world.client() as client:
        for path in ("transfers", "supplier"):
            assert code_of(await client.post(f"/api/devnet/{path}", json={})) == (404, "path_not_found")


async def test_only_what_is_there() -> None:
    world = open_world()
    async with world.client() as client:
        wrong = await client.get("/api/devnet/transfers")
        assert (code_of(wrong), wrong.headers["allow"]) == ((405, "method_not_allowed"), "POST")
        assert code_of(await client.post("/api/devnet/mint")) == (404, "path_not_found")
