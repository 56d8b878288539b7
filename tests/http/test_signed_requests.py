"""Keys with a secret sign their POSTs, and each signature is good once."""

from collections.abc import Mapping
from datetime import timedelta

import httpx2
import pytest

from tests.http.shop import World, as_sent, open_world
from tests.http.test_admission import code_of
from ytmarket.application.api_keys import MintedKey

ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
TOPUP = {"amount_usdt": 5, "network": "usdt_ton"}


class Signer:
    """A client that signs what it posts, a second later each time unless told otherwise."""

    def __init__(self, world: World, key: MintedKey, client: httpx2.AsyncClient) -> None:
        self.world, self.key, self.client = world, key, client
        self.posts = 0

    async def post(
        self, path: str, body: bytes, *, again: bool = False, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        self.posts += not again
        signed = self.world.signed(self.key, body, at=self.posts)
        return await self.client.post(f"/api/v1{path}", content=body, headers=signed | dict(headers or {}))


async def signer(amount: str = "100") -> Signer:
    world = open_world()
    await world.product(1, "8", units=50)
    key = await world.rich(amount, secret=True)
    return Signer(world, key, world.client(key))


@pytest.mark.parametrize(("path", "told"), [("/orders", ORDER), ("/balance/topup", TOPUP)])
async def test_signed_once_good_once(path: str, told: object) -> None:
    who = await signer()
    body = as_sent(told)
    first = await who.post(path, body)
    assert first.status_code == 200
    again = await who.post(path, body, again=True)
    assert code_of(again) == (401, "signature_replayed")
    assert "Idempotency-Key" in again.json()["detail"]
    assert (await who.post(path, body)).status_code == 200


async def test_reading_needs_no_signature() -> None:
    who = await signer()
    assert (await who.client.get("/api/v1/balance")).status_code == 200
    assert (await who.client.get("/api/v1/orders")).status_code == 200


async def test_signatures_that_do_not_hold() -> None:
    who = await signer()
    body = as_sent(ORDER)
    good = who.world.signed(who.key, body)
    for headers in (
        {},
        {"X-Timestamp": good["X-Timestamp"]},
        {"X-Signature": good["X-Signature"]},
        good | {"X-Signature": good["X-Signature"][:-1]},
        good | {"X-Signature": "0" * 64},
        good | {"X-Signature": "z" * 64},
        good | {"X-Timestamp": str(int(good["X-Timestamp"]) + 1)},
        good | {"X-Timestamp": f" {good['X-Timestamp']}.0"},
        good | {"X-Timestamp": "9" * 5_000},
        who.world.signed(who.key, body, at=301),
        who.world.signed(who.key, body, at=-301),
        who.world.signed(who.key, body + b" "),
    ):
        response = await who.client.post("/api/v1/orders", content=body, headers=headers)
        assert code_of(response) == (401, "invalid_signature"), headers
    assert (await who.client.get("/api/v1/orders")).json()["total"] == 0


@pytest.mark.parametrize("name", [b"X-Signature", b"X-Timestamp"])
async def test_headers_beyond_ascii_are_no_signature(name: bytes) -> None:
    who = await signer()
    good = {key.encode(): value.encode() for key, value in who.world.signed(who.key, b"{}").items()}
    for value in (b"\xff" * 64, "١٢٣".encode(), "é".encode() * 32):
        response = await who.client.post("/api/v1/orders", content=b"{}", headers=good | {name: value})
        assert code_of(response) == (401, "invalid_signature")


async def test_drift_of_five_minutes_is_borne() -> None:
    who = await signer()
    for at in (300, -300):
        headers = who.world.signed(who.key, as_sent(ORDER), at=at)
        response = await who.client.post("/api/v1/orders", content=as_sent(ORDER), headers=headers)
        assert response.status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "refusal"),
    [
        ("/orders", b"no JSON", {}, (422, "invalid_request")),
        ("/orders", as_sent(ORDER | {"payment_method": "invoice"}), {}, (501, "invoice_not_implemented")),
        ("/orders", as_sent(ORDER | {"product_id": 2}), {}, (404, "product_not_found")),
        ("/orders", as_sent(ORDER | {"quantity": 51}), {}, (409, "insufficient_stock")),
        ("/orders", as_sent(ORDER | {"quantity": 20}), {}, (402, "insufficient_balance")),
        ("/orders", as_sent(ORDER), {"Idempotency-Key": "two words"}, (422, "invalid_request")),
        ("/balance/topup", as_sent(TOPUP | {"amount_usdt": 0}), {}, (422, "invalid_request")),
        ("/balance/topup", b"", {}, (422, "invalid_request")),
        ("/balance", b"{}", {}, (405, "method_not_allowed")),
        ("/nowhere", b"{}", {}, (404, "path_not_found")),
        ("/orders%0A", as_sent(ORDER), {}, (404, "path_not_found")),
        ("/%0Aorders", as_sent(ORDER), {}, (404, "path_not_found")),
    ],
)
async def test_a_refused_request_has_used_its_signature_up(
    path: str, body: bytes, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    who = await signer()
    assert code_of(await who.post(path, body, headers=headers)) == refusal
    assert code_of(await who.post(path, body, again=True, headers=headers)) == (401, "signature_replayed")
    # Nor is it good elsewhere: the text that was signed is the same.
    assert code_of(await who.post("/orders", body, again=True)) == (401, "signature_replayed")


@pytest.mark.parametrize(("path", "told"), [("/orders", ORDER), ("/balance/topup", TOPUP)])
async def test_a_signature_under_another_requests_key_is_used_up_too(path: str, told: object) -> None:
    who, headers = await signer(), {"Idempotency-Key": "a-1"}
    assert (await who.post("/orders", as_sent(ORDER | {"quantity": 2}), headers=headers)).status_code == 200
    refused = await who.post(path, as_sent(told), headers=headers)
    assert code_of(refused) == (422, "idempotency_key_reused")
    assert code_of(await who.post(path, as_sent(told), again=True)) == (401, "signature_replayed")


async def test_a_signature_that_met_429_is_still_good() -> None:
    world = open_world(limit=1)
    await world.product(1, "8")
    key = await world.rich(secret=True)
    body = as_sent(ORDER)
    headers = world.signed(key, body, at=100)
    async with world.client(key) as client:
        await client.get("/api/v1/health")
        assert (await client.post("/api/v1/orders", content=body, headers=headers)).status_code == 429
        world.clock.advance(timedelta(seconds=60))
        assert (await client.post("/api/v1/orders", content=body, headers=headers)).status_code == 200


async def test_a_signature_that_met_503_is_still_good() -> None:
    who = await signer()
    await who.client.get("/api/v1/health")
    who.world.limiter.is_down = True
    assert code_of(await who.post("/orders", as_sent(ORDER))) == (503, "unavailable")
    who.world.limiter.is_down = False
    assert (await who.post("/orders", as_sent(ORDER), again=True)).status_code == 200


async def test_a_webhook_is_no_order_although_its_signature_is_right() -> None:
    who = await signer()
    order = as_sent(ORDER | {"webhook_url": "https://your.app/cb"})
    await who.post("/orders", order)
    await who.world.work()
    sent = who.world.sender.sent[0]
    headers = {
        "X-Timestamp": sent.headers["X-Webhook-Timestamp"],
        "X-Signature": sent.headers["X-Webhook-Signature"],
    }
    response = await who.client.post("/api/v1/orders", content=sent.body, headers=headers)
    assert code_of(response) == (422, "invalid_request")
