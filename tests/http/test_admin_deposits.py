"""Deposits that nobody could match: listed with a candidate, credited once, returned, put right."""

from datetime import timedelta
from typing import Any

import attrs
import httpx2
import pytest

from tests.http.shop import World, open_world
from tests.http.test_admission import code_of
from ytmarket.application.api_keys import MintedKey
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.domain.chart import LedgerAccount, unmatched, wallet
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.errors import AlreadyDone, DepositNotFound, DepositNotWaiting, KeyNotFound, Overdrawn
from ytmarket.domain.ids import DepositId
from ytmarket.domain.ledger import balance_of
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network

DEPOSITS = "/api/admin/deposits"
ONCE = {"Idempotency-Key": "once"}
TRON = Network.TRON


async def topup(world: World, key: MintedKey, amount: float, network: Network = TRON) -> dict[str, Any]:
    async with world.client(key) as client:
        response = await client.post(
            "/api/v1/balance/topup", json={"amount_usdt": amount, "network": network}
        )
        told: dict[str, Any] = response.json()
        return told


async def status_of(world: World, key: MintedKey, topup_id: str) -> str:
    async with world.client(key) as client:
        return str((await client.get(f"/api/v1/balance/topup/{topup_id}")).json()["status"])


async def balance(world: World, key: MintedKey) -> float:
    async with world.client(key) as client:
        return float((await client.get("/api/v1/balance")).json()["balance_usdt"])


async def arrives(world: World, amount: str, network: Network = TRON) -> None:
    await world.work()  # readers start at the head of their chain
    await world.devnet.send(DevnetTransfer(network=network, amount=Usdt.of(amount)))
    await world.work()


async def queue(operator: httpx2.AsyncClient, query: str = "status=unmatched") -> list[dict[str, Any]]:
    response = await operator.get(f"{DEPOSITS}?{query}")
    assert response.status_code == 200, response.text
    rows: list[dict[str, Any]] = response.json()["items"]
    return rows


def held(world: World, account: LedgerAccount) -> Usdt:
    return balance_of(account, world.database._state.transfers.values())


async def test_the_queue_tells_what_a_deposit_was_perhaps_for() -> None:
    world = open_world()
    ann = await world.mint()
    opened = await topup(world, ann, 100)
    await arrives(world, "98")
    await arrives(world, "0.5")
    async with world.operator() as operator:
        (row,) = await queue(operator)
        assert (row["network"], row["amount_usdt"], row["status"], row["reason"]) == (
            "usdt_trc_20",
            98.0,
            "unmatched",
            "under",
        )
        assert (row["candidate_fp"], row["candidate_topup_id"], row["distance_usdt"]) == (
            ann.record.fp,
            opened["topup_id"],
            2.0,
        )
        assert {"id", "tx_hash", "at"} <= set(row)
        assert await queue(operator, "") == [row]
        (dust,) = await queue(operator, "status=unmatched&reason=dust")
        assert (dust["amount_usdt"], dust["reason"]) == (0.5, "dust")
        assert await queue(operator, "status=credited_auto") == []
        for wrong in ("status=lost", "status=", "reason=under", "page=0"):
            assert code_of(await operator.get(f"{DEPOSITS}?{wrong}")) == (422, "invalid_request")


async def test_what_arrived_is_credited_once_and_the_nearest_top_up_is_settled() -> None:
    world = open_world()
    ann = await world.mint()
    far, near = await topup(world, ann, 500), await topup(world, ann, 100)
    await arrives(world, "98")
    word = {"fp": ann.record.fp, "reason": "she wrote to us"}
    async with world.operator() as operator:
        (row,) = await queue(operator)
        path = f"{DEPOSITS}/{row['id']}/credit"
        assert code_of(await operator.post(path, json=word)) == (422, "invalid_request")
        credited = await operator.post(path, json=word, headers=ONCE)
        assert (credited.status_code, credited.json()["status"]) == (200, "credited_manual")
        assert credited.json()["topup_id"] == near["topup_id"]
        again = await operator.post(path, json=word, headers=ONCE)
        assert (again.content, again.headers["idempotent-replayed"]) == (credited.content, "true")
        twice = await operator.post(path, json=word, headers={"Idempotency-Key": "twice"})
        assert code_of(twice) == (409, "deposit_not_waiting")
        assert twice.json()["deposit_status"] == "credited_manual"
        assert await queue(operator) == []
    assert await balance(world, ann) == 98
    assert await status_of(world, ann, near["topup_id"]) == "credited_manual"
    assert await status_of(world, ann, far["topup_id"]) == "pending"
    assert held(world, unmatched(TRON)) == ZERO
    assert held(world, wallet(TRON)) == -Usdt.of(98)


async def test_the_nearest_is_settled_though_matching_had_another_in_mind() -> None:
    """What has left its quarantine is no candidate any more, and may be what was meant all the same."""
    world = open_world()
    await world.work()
    ann = await world.mint()
    near = await topup(world, ann, 102)
    world.clock.advance(timedelta(hours=30))
    for _ in range(2):
        await world.work()
    far = await topup(world, ann, 100)
    await arrives(world, "101.9")
    async with world.operator() as operator:
        (waiting,) = await queue(operator)
        assert waiting["candidate_topup_id"] == far["topup_id"]
        answer = await operator.post(
            f"{DEPOSITS}/{waiting['id']}/credit",
            json={"fp": ann.record.fp, "reason": "she told"},
            headers={"Idempotency-Key": "nearest"},
        )
        assert answer.json()["topup_id"] == near["topup_id"]
    assert await status_of(world, ann, near["topup_id"]) == "credited_manual"
    assert await status_of(world, ann, far["topup_id"]) == "pending"


async def test_the_named_top_up_is_settled() -> None:
    world = open_world()
    ann, bob = await world.mint(), await world.mint()
    near, named, bobs = (
        await topup(world, ann, 100),
        await topup(world, ann, 500),
        await topup(world, bob, 97),
    )
    await arrives(world, "98")
    word = {"fp": ann.record.fp, "reason": "hers"}
    async with world.operator() as operator:
        (row,) = await queue(operator)
        path = f"{DEPOSITS}/{row['id']}/credit"
        for number, wrong in enumerate((bobs["topup_id"], "x", "00000000-0000-4000-8000-000000000000")):
            refused = await operator.post(
                path, json=word | {"topup_id": wrong}, headers={"Idempotency-Key": str(number)}
            )
            assert code_of(refused) == (404, "topup_not_found")
        credited = await operator.post(path, json=word | {"topup_id": named["topup_id"]}, headers=ONCE)
        assert credited.json()["topup_id"] == named["topup_id"]
    assert await status_of(world, ann, near["topup_id"]) == "pending"
    assert await status_of(world, ann, named["topup_id"]) == "credited_manual"


async def test_an_expired_top_up_can_be_settled_by_hand_and_its_amount_is_free_again() -> None:
    world = open_world()
    ann, bob = await world.mint(), await world.mint()
    opened = await topup(world, ann, 100)
    world.clock.advance(timedelta(hours=2))
    await arrives(world, "100")
    async with world.operator() as operator:
        (row,) = await queue(operator)
        assert row["reason"] == "expired"
        assert (await topup(world, bob, 100))["amount_usdt"] != 100
        word = {"fp": ann.record.fp, "reason": "sent late"}
        await operator.post(f"{DEPOSITS}/{row['id']}/credit", json=word, headers=ONCE)
    assert await status_of(world, ann, opened["topup_id"]) == "credited_manual"
    assert (await topup(world, bob, 100))["amount_usdt"] == 100


async def test_a_top_up_that_is_paid_is_not_settled_by_another_deposit() -> None:
    world = open_world()
    ann = await world.mint()
    paid = await topup(world, ann, 100)
    await arrives(world, "100")
    await arrives(world, "7")
    async with world.operator() as operator:
        (row,) = await queue(operator)
        word = {"fp": ann.record.fp, "reason": "hers", "topup_id": paid["topup_id"]}
        refused = await operator.post(f"{DEPOSITS}/{row['id']}/credit", json=word, headers=ONCE)
        assert code_of(refused) == (409, "topup_paid")
        assert [one["id"] for one in await queue(operator)] == [row["id"]]
    assert await balance(world, ann) == 100


async def test_what_is_too_small_to_be_booked_says_so() -> None:
    world = open_world()
    ann = await world.mint()
    await world.work()
    await world.devnet.send(DevnetTransfer(network=Network.BSC, amount=Usdt(1)))
    (sent,) = world.devnet._deposits[Network.BSC]
    world.devnet._deposits[Network.BSC][0] = attrs.evolve(sent, raw=sent.raw - 1)
    await world.work()
    async with world.operator() as operator:
        (row,) = await queue(operator, "status=unmatched&reason=dust")
        for act, more in (("credit", {"fp": ann.record.fp}), ("return", {})):
            word = {"reason": "why"} | more
            refused = await operator.post(
                f"{DEPOSITS}/{row['id']}/{act}", json=word, headers={"Idempotency-Key": act}
            )
            assert code_of(refused) == (409, "deposit_too_small")


async def test_a_key_without_top_ups_can_be_credited() -> None:
    world = open_world()
    ann = await world.mint()
    await arrives(world, "42.123456")
    async with world.operator() as operator:
        (row,) = await queue(operator)
        word = {"fp": ann.record.fp, "reason": "hers"}
        credited = await operator.post(f"{DEPOSITS}/{row['id']}/credit", json=word, headers=ONCE)
        assert credited.json()["topup_id"] is None
    assert await balance(world, ann) == 42.123456


async def test_a_deposit_on_the_wrong_network_settles_what_it_was_for() -> None:
    world = open_world()
    ann = await world.mint()
    opened = await topup(world, ann, 100)
    await arrives(world, "100", Network.BSC)
    async with world.operator() as operator:
        (row,) = await queue(operator)
        assert (row["reason"], row["candidate_topup_id"]) == ("wrong_network", opened["topup_id"])
        word = {"fp": ann.record.fp, "reason": "hers"}
        await operator.post(f"{DEPOSITS}/{row['id']}/credit", json=word, headers=ONCE)
    assert await status_of(world, ann, opened["topup_id"]) == "credited_manual"
    assert await balance(world, ann) == 100


async def test_a_deposit_goes_back_once() -> None:
    world = open_world()
    await arrives(world, "98")
    async with world.operator() as operator:
        (row,) = await queue(operator)
        path = f"{DEPOSITS}/{row['id']}/return"
        assert code_of(await operator.post(path, json={"reason": "x"})) == (422, "invalid_request")
        assert code_of(await operator.post(path, json={}, headers=ONCE)) == (422, "invalid_request")
        returned = await operator.post(path, json={"reason": "not ours"}, headers=ONCE)
        assert (returned.status_code, returned.json()["status"]) == (200, "returned")
        again = await operator.post(path, json={"reason": "not ours"}, headers=ONCE)
        assert again.headers["idempotent-replayed"] == "true"
        twice = await operator.post(path, json={"reason": "x"}, headers={"Idempotency-Key": "2"})
        assert code_of(twice) == (409, "deposit_not_waiting")
    assert (held(world, unmatched(TRON)), held(world, wallet(TRON))) == (ZERO, ZERO)


@pytest.mark.parametrize("number", ["999", "0", "x", "%00", "9" * 40])
async def test_deposits_that_do_not_exist(number: str) -> None:
    world = open_world()
    ann = await world.mint()
    async with world.operator() as operator:
        credit = await operator.post(
            f"{DEPOSITS}/{number}/credit", json={"fp": ann.record.fp, "reason": "x"}, headers=ONCE
        )
        back = await operator.post(
            f"{DEPOSITS}/{number}/return", json={"reason": "x"}, headers={"Idempotency-Key": "2"}
        )
        assert code_of(credit) == code_of(back) == (404, "deposit_not_found")


async def test_a_key_that_does_not_exist_gets_nothing() -> None:
    world = open_world()
    await arrives(world, "98")
    async with world.operator() as operator:
        (row,) = await queue(operator)
        word = {"fp": "0" * 12, "reason": "x"}
        refused = await operator.post(f"{DEPOSITS}/{row['id']}/credit", json=word, headers=ONCE)
        assert code_of(refused) == (404, "key_not_found")
        assert len(await queue(operator)) == 1


def word() -> Instruction[DepositRecord]:
    return Instruction(actor=Actor("test"), reason="it was the other one's")


async def test_a_wrong_credit_is_put_right_in_one_act() -> None:
    world = open_world()
    ann, bob = await world.mint(), await world.mint()
    await topup(world, ann, 100)
    await arrives(world, "100")
    (record,) = world.database._state.deposits.values()
    desk = world.services.deposit_desk
    before = len(await world.services.queries.audit_rows(limit=100))
    corrected = (await desk.correct(record.id, bob.record.fp, word())).fresh
    assert (corrected.account_id, corrected.status) == (bob.record.account_id, "credited_manual")
    assert (await balance(world, ann), await balance(world, bob)) == (0, 100)
    with pytest.raises(AlreadyDone):
        await desk.correct(record.id, bob.record.fp, word())
    await desk.correct(record.id, ann.record.fp, word())  # and back again
    assert (await balance(world, ann), await balance(world, bob)) == (100, 0)
    assert len(await world.services.queries.audit_rows(limit=100)) == before + 2
    for key in (ann, bob):
        async with world.client(key) as client:
            told = (await client.get("/api/v1/balance")).json()
            assert told["balance_usdt"] == told["total_topup_usdt"]


async def test_a_wrong_credit_is_put_right_over_http_once() -> None:
    world = open_world()
    ann, bob = await world.mint(), await world.mint()
    await topup(world, ann, 100)
    await arrives(world, "100")
    (record,) = world.database._state.deposits.values()
    path, said = f"{DEPOSITS}/{record.id}/correct", {"fp": bob.record.fp, "reason": "the other one's"}
    async with world.operator() as operator:
        assert code_of(await operator.post(path, json=said)) == (422, "invalid_request")  # no key
        corrected = await operator.post(path, json=said, headers=ONCE)
        assert (corrected.status_code, corrected.json()["status"]) == (200, "credited_manual")
        again = await operator.post(path, json=said, headers=ONCE)
        assert (again.content, again.headers["idempotent-replayed"]) == (corrected.content, "true")
        for wrong in ({"fp": bob.record.fp}, {**said, "topup_id": "x"}):
            refused = await operator.post(path, json=wrong, headers={"Idempotency-Key": "w"})
            assert code_of(refused) == (422, "invalid_request")
        absent = await operator.post(f"{DEPOSITS}/99/correct", json=said, headers={"Idempotency-Key": "a"})
        assert code_of(absent) == (404, "deposit_not_found")
    assert (await balance(world, ann), await balance(world, bob)) == (0, 100)


async def test_what_cannot_be_put_right_changes_nothing() -> None:
    world = open_world()
    await world.product(1, "50")
    ann, bob = await world.mint(), await world.mint()
    await topup(world, ann, 100)
    await arrives(world, "100")
    await arrives(world, "7")
    credited, waiting = world.database._state.deposits.values()
    desk = world.services.deposit_desk
    async with world.client(ann) as client:
        order = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
        assert (await client.post("/api/v1/orders", json=order)).status_code == 200
    for deposit, fp, refusal in (
        (credited.id, bob.record.fp, Overdrawn),
        (credited.id, "0" * 12, KeyNotFound),
        (waiting.id, bob.record.fp, DepositNotWaiting),
        (DepositId(99), bob.record.fp, DepositNotFound),
    ):
        with pytest.raises(refusal):
            await desk.correct(deposit, fp, word())
    assert (await balance(world, ann), await balance(world, bob)) == (50, 0)
