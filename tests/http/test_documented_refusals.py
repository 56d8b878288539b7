"""Whatever an operation refuses stands beside it, in the OpenAPI document and on the page."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import attrs
import httpx2
import pytest

from tests.http.shop import World, as_sent, open_world
from ytmarket.adapters.http.app import ShopHolder, build_app
from ytmarket.adapters.http.docs import facts
from ytmarket.adapters.http.openapi import ON_WEBHOOKS, OPERATIONS, document
from ytmarket.application.api_keys import MintedKey
from ytmarket.application.errors import OutcomeUnknown
from ytmarket.domain import errors, limits
from ytmarket.domain.errors import Refused
from ytmarket.domain.topups import TopupTerms

ORDERS, TOPUPS = "/orders", "/balance/topup"
ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
TOPUP = {"amount_usdt": 5, "network": "usdt_ton"}
BODIES: Mapping[str, Mapping[str, Any]] = {ORDERS: ORDER, TOPUPS: TOPUP}
DOCUMENT = document("1")


def is_told(answer: httpx2.Response, method: str, path: str) -> str:
    """The code of this refusal, which the document has for this operation and this status."""
    code: str = answer.json()["code"]
    told = DOCUMENT["paths"][f"/api/v1{path}"][method]["responses"].get(str(answer.status_code))
    assert told is not None, f"{method} {path}: {answer.status_code} {code}"
    assert code in told["description"].partition(": ")[2].split(", "), f"{method} {path}: {code}"
    return code


async def asked(client: httpx2.AsyncClient, method: str, path: str) -> httpx2.Response:
    filled = path.replace("{id}", "7") + ("?tx=5f" if path == "/deposits" else "")
    return await client.request(
        method, f"/api/v1{filled}", json=BODIES.get(path) if method == "post" else None
    )


@pytest.mark.parametrize("found", OPERATIONS, ids=lambda found: f"{found.method} {found.path}")
async def test_what_every_operation_refuses(found: Any) -> None:
    world = open_world(limit=1)
    key = await world.mint()
    elsewhere = await world.mint(allowed=[ip_network("198.51.100.0/24")])
    codes = []
    for caller in (None, elsewhere, key, key):
        async with world.client(caller) as client:
            answer = await asked(client, found.method, found.path)
        if answer.status_code != 200:
            codes.append(is_told(answer, found.method, found.path))
    async with world.client(key, app=build_app(holder=ShopHolder())) as client:
        codes.append(is_told(await asked(client, found.method, found.path), found.method, found.path))
    assert {"invalid_api_key", "ip_not_allowed", "rate_limited", "unavailable"} <= set(codes)


@pytest.mark.parametrize("path", [ORDERS, TOPUPS])
async def test_what_both_posts_refuse(path: str) -> None:
    world = open_world()
    await world.product(1, "8")
    key, body = await world.rich(secret=True), as_sent(BODIES[path])
    signed = world.signed(key, body)
    once = {"Idempotency-Key": "once"}
    other = as_sent({**BODIES[path], "nonsense": 1})
    sent: list[tuple[bytes, dict[str, str]]] = [
        (body, {}),
        (body, signed),
        (body, signed),
        (b" " * (limits.BODY_BYTES_MAX + 1), {}),
        (other, world.signed(key, other)),
        (body, world.signed(key, body, at=1) | once),
        (other, world.signed(key, other, at=1) | once),
    ]
    codes = set()
    async with world.client(key) as client:
        for content, headers in sent:
            answer = await client.post(f"/api/v1{path}", content=content, headers=headers)
            if answer.status_code != 200:
                codes.add(is_told(answer, "post", path))
    assert codes == {
        "invalid_signature",
        "signature_replayed",
        "body_too_large",
        "invalid_request",
        "idempotency_key_reused",
    }


class Fated:
    """A use case that meets a fate."""

    def __init__(self, fate: Exception) -> None:
        self.fate = fate
        self.payees = open_world().services.topups.payees

    async def place(self, _: object) -> None:
        raise self.fate

    async def open(self, *_: object) -> None:
        raise self.fate


@pytest.mark.parametrize("fate", [OutcomeUnknown(), errors.IdempotencyInFlight()])
@pytest.mark.parametrize("path", [ORDERS, TOPUPS])
async def test_what_both_posts_meet_now_and_then(path: str, fate: Refused | OutcomeUnknown) -> None:
    world = open_world()
    services: Any = attrs.evolve(world.services, order_desk=Fated(fate), topups=Fated(fate))  # type: ignore[arg-type] # all that is asked of them
    async with world.client(await world.rich(), app=build_app(holder=ShopHolder(services))) as client:
        assert is_told(await client.post(f"/api/v1{path}", json=BODIES[path]), "post", path) == fate.code


async def refused(world: World, key: MintedKey, path: str, **changes: Any) -> str:
    async with world.client(key) as client:
        return is_told(await client.post(f"/api/v1{path}", json={**BODIES[path], **changes}), "post", path)


async def test_what_orders_are_refused_for() -> None:
    world = open_world()
    await world.product(1, "8")
    await world.product(2, "8", min_quantity=3)
    key = await world.rich("9")
    assert await refused(world, key, ORDERS, product_id=7) == "product_not_found"
    assert await refused(world, key, ORDERS, product_id=2) == "below_minimum"
    assert await refused(world, key, ORDERS, quantity=6) == "insufficient_stock"
    assert await refused(world, key, ORDERS, max_price_usdt=7) == "price_changed"
    assert await refused(world, key, ORDERS, quantity=2) == "insufficient_balance"
    assert await refused(world, key, ORDERS, payment_method="invoice") == "invoice_not_implemented"
    async with world.database.unit_of_work() as uow:
        await uow.accounts.set_frozen(key.record.account_id, frozen=True)
        await uow.commit()
    assert await refused(world, key, ORDERS) == "account_frozen"


async def test_what_topups_are_refused_for() -> None:
    world = open_world(topup_terms=TopupTerms(max_open=1, max_unpaid=1))
    first, second = await world.mint(), await world.mint()
    async with world.client(first) as client:
        assert (await client.post(f"/api/v1{TOPUPS}", json=TOPUP)).status_code == 200
    assert await refused(world, first, TOPUPS) == "too_many_open_topups"
    assert await refused(world, second, TOPUPS, exact=True) == "amount_taken"
    world.clock.advance(timedelta(hours=2))
    await world.work()
    assert await refused(world, first, TOPUPS, amount_usdt=200) == "too_many_unpaid_topups"


async def test_what_is_not_there_or_asked_for_in_a_wrong_way() -> None:
    world = open_world(limit=1_000)
    async with world.client(await world.mint()) as client:
        for found in (one for one in OPERATIONS if one.method == "get"):
            for query in ("", "?page=0", "?page=1&page=2", "?tx=", "?nonsense=1"):
                answer = await client.get(f"/api/v1{found.path.replace('{id}', 'x')}{query}")
                if answer.status_code != 200:
                    is_told(answer, found.method, found.path)


def test_the_page_has_the_same_lists() -> None:
    for found in facts.endpoints("1"):
        responses = DOCUMENT["paths"][f"/api/v1{found.path}"][found.method.lower()]["responses"]
        told = {status: told["description"] for status, told in responses.items() if status != "200"}
        assert {status: ", ".join(codes) for status, codes in found.refusals} == {
            status: words.partition(": ")[2] for status, words in told.items()
        }


async def test_a_webhook_is_documented_as_it_is_sent() -> None:
    told = DOCUMENT["webhooks"]["order"]["post"]
    world = open_world()
    await world.product(1, "8")
    for secret, expected in ((True, set(ON_WEBHOOKS)), (False, {"X-Webhook-Id"})):
        key, body = (
            await world.rich(secret=secret),
            as_sent({**ORDER, "webhook_url": "https://shop.example/w"}),
        )
        headers = world.signed(key, body) if secret else {}
        async with world.client(key) as client:
            assert (await client.post("/api/v1/orders", content=body, headers=headers)).status_code == 200
        await world.services.webhooks.deliver_due()
        assert {name for name in world.sender.sent[-1].headers if name.startswith("X-")} == expected
    assert {row["name"]: row["required"] for row in told["parameters"]} == {
        name: name == "X-Webhook-Id" for name in ON_WEBHOOKS
    }
    again = {
        status for status, answer in told["responses"].items() if "again, up to" in answer["description"]
    }
    assert again == {"408", "429", "5XX"}
