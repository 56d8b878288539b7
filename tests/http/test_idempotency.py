"""A request with an Idempotency-Key has its effect once and its answer as often as it is sent."""

import asyncio

import pytest

from tests.http.shop import as_sent, open_world
from tests.http.test_admission import code_of

ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
TOPUP = {"amount_usdt": 5, "network": "usdt_ton"}
BOTH = pytest.mark.parametrize(("path", "told"), [("/orders", ORDER), ("/balance/topup", TOPUP)])


@BOTH
async def test_the_same_answer_byte_for_byte(path: str, told: dict[str, object]) -> None:
    world = open_world()
    await world.product(1, "8")
    key = await world.rich()
    headers = {"Idempotency-Key": "a-1"}
    async with world.client(key) as client:
        first = await client.post(f"/api/v1{path}", json=told, headers=headers)
        await world.work()
        second = await client.post(f"/api/v1{path}", json=told, headers=headers)
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.content == second.content
        assert "idempotent-replayed" not in first.headers
        assert second.headers["idempotent-replayed"] == "true"
        assert second.headers["content-type"] == "application/json"
        third = await client.post(f"/api/v1{path}", json=told, headers={"Idempotency-Key": "a-2"})
        assert third.status_code == 200
        assert third.content != first.content


@BOTH
async def test_another_request_under_the_same_key(path: str, told: dict[str, object]) -> None:
    world = open_world()
    await world.product(1, "8")
    key = await world.rich()
    headers = {"Idempotency-Key": "a-1"}
    async with world.client(key) as client:
        assert (await client.post(f"/api/v1{path}", json=told, headers=headers)).status_code == 200
        for body in (as_sent(told) + b" ", as_sent(told | {"x": 1}), b"no JSON", b""):
            other = await client.post(f"/api/v1{path}", content=body, headers=headers)
            assert code_of(other) == (422, "idempotency_key_reused")
        elsewhere = "/balance/topup" if path == "/orders" else "/orders"
        other = await client.post(f"/api/v1{elsewhere}", json=told, headers=headers)
        assert code_of(other) == (422, "idempotency_key_reused")
    async with world.client(await world.rich("101")) as neighbour:
        assert (await neighbour.post(f"/api/v1{path}", json=told, headers=headers)).status_code == 200


@BOTH
async def test_a_refused_request_may_be_sent_again(path: str, told: dict[str, object]) -> None:
    world = open_world()
    key = await world.rich()
    headers = {"Idempotency-Key": "a-1"}
    async with world.client(key) as client:
        refused = await client.post(f"/api/v1{path}", json=told | {"network": 7}, headers=headers)
        assert code_of(refused) == (422, "invalid_request")
        await world.product(1, "8")
        assert (await client.post(f"/api/v1{path}", json=told, headers=headers)).status_code == 200


@BOTH
@pytest.mark.parametrize("name", ["", "two words", "x" * 256, "tab\there", "é", "\x7f"])
async def test_names_that_are_none(path: str, told: dict[str, object], name: str) -> None:
    world = open_world()
    await world.product(1, "8")
    async with world.client(await world.rich()) as client:
        response = await client.post(
            f"/api/v1{path}",
            content=as_sent(told),
            headers={b"Idempotency-Key": name.encode("latin-1")},
        )
        assert code_of(response) == (422, "invalid_request")
        assert "Idempotency-Key" in response.json()["errors"][0]["detail"]
        twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        assert (await client.post(f"/api/v1{path}", json=told, headers=twice)).status_code == 422
        longest = {"Idempotency-Key": "~" * 255}
        assert (await client.post(f"/api/v1{path}", json=told, headers=longest)).status_code == 200


@BOTH
async def test_signed_again_it_is_replayed_even_with_the_same_signature(
    path: str, told: dict[str, object]
) -> None:
    world = open_world()
    await world.product(1, "8")
    key = await world.rich(secret=True)
    body = as_sent(told)
    headers = world.signed(key, body) | {"Idempotency-Key": "a-1"}
    async with world.client(key) as client:
        first = await client.post(f"/api/v1{path}", content=body, headers=headers)
        second = await client.post(f"/api/v1{path}", content=body, headers=headers)
        assert second.content == first.content
        assert second.headers["idempotent-replayed"] == "true"
        third = await client.post(
            f"/api/v1{path}", content=body, headers=headers | world.signed(key, body, at=1)
        )
        assert third.content == first.content
        other = headers | {"Idempotency-Key": "a-2"}
        refused = await client.post(f"/api/v1{path}", content=body, headers=other)
        assert code_of(refused) == (401, "signature_replayed")


async def test_many_at_once_are_one_order() -> None:
    world = open_world()
    await world.product(1, "8", units=50)
    async with world.client(await world.rich()) as client:
        answers = await asyncio.gather(
            *(
                client.post("/api/v1/orders", json=ORDER, headers={"Idempotency-Key": "burst"})
                for _ in range(16)
            )
        )
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
        waiting = [answer for answer in answers if answer.status_code == 409]
        assert {code_of(answer)[1] for answer in waiting} <= {"idempotency_in_flight"}
        assert (await client.get("/api/v1/orders")).json()["total"] == 1
