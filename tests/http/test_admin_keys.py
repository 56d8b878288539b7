"""Keys in an operator's hands: listed, revoked, replaced, given other secrets, addresses and money."""

import json

import httpx2
import pytest

from tests.http.shop import HOME, NOW, TOKEN, World, open_world
from tests.http.test_admission import code_of
from ytmarket.application.api_keys import MintedKey
from ytmarket.domain.times import epoch_seconds

KEYS = "/api/admin/api-keys"
ONCE = {"Idempotency-Key": "once"}


async def health(world: World, key: str) -> int:
    async with world.client(key) as client:
        return (await client.get("/api/v1/health")).status_code


async def balance(world: World, key: MintedKey | str) -> dict[str, float]:
    async with world.client(key) as client:
        told: dict[str, float] = (await client.get("/api/v1/balance")).json()
        return told


async def test_keys_are_listed_with_balances_and_without_what_they_open_with() -> None:
    world = open_world()
    rich, other = await world.rich("12.5", secret=True), await world.mint()
    async with world.operator() as operator:
        listing = (await operator.get(f"{KEYS}?page_size=1")).json()
        assert (listing["page"], listing["page_size"], listing["total"]) == (1, 1, 2)
        assert listing["items"] == [
            {
                "fp": rich.record.fp,
                "label": "Ann",
                "has_secret": True,
                "ip_whitelist": [],
                "created_at": epoch_seconds(NOW),
                "revoked_at": None,
                "balance_usdt": 12.5,
                "last_used_at": None,
            }
        ]
        whole = await operator.get(KEYS)
        assert [row["fp"] for row in whole.json()["items"]] == [rich.record.fp, other.record.fp]
        for shown in (rich.key, rich.secret, other.key):
            assert shown is not None
            assert shown not in whole.text


async def test_a_revoked_key_opens_nothing_and_its_account_can_still_be_credited() -> None:
    world = open_world()
    minted = await world.rich("5")
    path = f"{KEYS}/{minted.record.fp}"
    async with world.operator() as operator:
        revoked = await operator.post(f"{path}/revoke")
        assert (revoked.status_code, revoked.json()["revoked_at"]) == (200, epoch_seconds(NOW))
        assert await health(world, minted.key) == 401
        again = await operator.post(f"{path}/revoke", json={"reason": "to be sure"})
        assert again.json()["revoked_at"] == epoch_seconds(NOW)
        word = {"amount_usdt": 1, "reason": "owed"}
        assert (await operator.post(f"{path}/credit", json=word, headers=ONCE)).json()["balance_usdt"] == 6
        word = {"amount_usdt": -6, "reason": "paid out"}
        debited = await operator.post(f"{path}/credit", json=word, headers={"Idempotency-Key": "2"})
        assert debited.json()["balance_usdt"] == 0
        assert code_of(await operator.post(f"{path}/rotate-secret")) == (409, "key_revoked")


async def test_a_rotated_secret_is_dead_at_once() -> None:
    world = open_world()
    minted = await world.mint(secret=True)
    body = json.dumps({"amount_usdt": 10, "network": "usdt_ton"}).encode()
    async with world.operator() as operator, world.client(minted) as client:
        rotated = (await operator.post(f"{KEYS}/{minted.record.fp}/rotate-secret")).json()
        assert set(rotated) == {"fp", "secret", "label"}
        assert rotated["secret"] not in {minted.secret, None}

        async def topup(secret: str | None) -> httpx2.Response:
            key = MintedKey(record=minted.record, key=minted.key, secret=secret)
            headers = world.signed(key, body)
            return await client.post("/api/v1/balance/topup", content=body, headers=headers)

        assert code_of(await topup(minted.secret)) == (401, "invalid_signature")
        assert (await topup(rotated["secret"])).status_code == 200


async def test_a_key_without_a_secret_gets_its_first() -> None:
    world = open_world()
    minted = await world.mint()
    async with world.operator() as operator, world.client(minted) as client:
        assert (await operator.post(f"{KEYS}/{minted.record.fp}/rotate-secret")).status_code == 200
        assert code_of(await client.post("/api/v1/orders", json={})) == (401, "invalid_signature")


async def test_a_leaked_key_is_replaced_and_the_account_keeps_what_it_has() -> None:
    world = open_world()
    await world.product(1, "10")
    old = await world.rich("100", secret=False)
    async with world.client(old) as client:
        order = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
        number = (await client.post("/api/v1/orders", json=order)).json()["order_id"]
        topup = (
            await client.post("/api/v1/balance/topup", json={"amount_usdt": 10, "network": "usdt_ton"})
        ).json()
    before = await balance(world, old)
    async with world.operator() as operator:
        await operator.put(f"{KEYS}/{old.record.fp}/ip-whitelist", json={"ip_whitelist": [HOME]})
        response = await operator.post(f"{KEYS}/{old.record.fp}/replace")
        assert response.status_code == 201
        new = response.json()
        assert new["label"] == "Ann"
        assert len({new["key"], new["secret"], old.key, new["fp"], old.record.fp}) == 5
    assert await health(world, old.key) == 401
    assert await balance(world, new["key"]) == before
    async with world.client(new["key"]) as client:
        assert (await client.get(f"/api/v1/orders/{number}")).status_code == 200
        assert (await client.get(f"/api/v1/balance/topup/{topup['topup_id']}")).status_code == 200
    async with world.client(new["key"], address="203.0.113.1") as elsewhere:
        assert (await elsewhere.get("/api/v1/health")).status_code == 403


async def test_an_allow_list_is_set_and_taken_away() -> None:
    world = open_world()
    minted = await world.mint()
    path = f"{KEYS}/{minted.record.fp}/ip-whitelist"
    async with world.operator() as operator:
        answer = await operator.put(path, json={"ip_whitelist": ["203.0.113.0/24", "2001:db8::1"]})
        assert answer.json()["ip_whitelist"] == ["203.0.113.0/24", "2001:db8::1/128"]
        assert await health(world, minted.key) == 403
        assert (await operator.put(path, json={"ip_whitelist": []})).json()["ip_whitelist"] == []
        assert await health(world, minted.key) == 200
        for wrong, pointer in (({}, ""), ({"ip_whitelist": ["x"]}, "/0"), ({"ip_whitelist": None}, "")):
            refused = await operator.put(path, json=wrong)
            assert code_of(refused) == (422, "invalid_request")
            assert refused.json()["errors"][0]["pointer"] == f"/ip_whitelist{pointer}"


async def test_a_credit_counts_once_and_is_answered_as_often_as_asked() -> None:
    world = open_world()
    minted = await world.mint()
    path = f"{KEYS}/{minted.record.fp}/credit"
    word = {"amount_usdt": "12.345678", "reason": "a gift"}
    async with world.operator() as operator:
        first = await operator.post(path, json=word, headers=ONCE)
        assert first.json() == {
            "fp": minted.record.fp,
            "amount_usdt": 12.345678,
            "balance_usdt": 12.345678,
            "total_topup_usdt": 12.345678,
        }
        again = await operator.post(path, json=word, headers=ONCE)
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
        other = await operator.post(path, json=word | {"amount_usdt": 1}, headers=ONCE)
        assert code_of(other) == (422, "idempotency_key_reused")
        over = {"amount_usdt": "-12.345679", "reason": "too much"}
        refused = await operator.post(path, json=over, headers={"Idempotency-Key": "2"})
        assert code_of(refused) == (409, "overdrawn")
        # What was refused left nothing: the same key may be used again.
        under = {"amount_usdt": "-12.345678", "reason": "all of it"}
        assert (await operator.post(path, json=under, headers={"Idempotency-Key": "2"})).status_code == 200
    told = await balance(world, minted)
    assert (told["balance_usdt"], told["total_topup_usdt"], told["total_spent_usdt"]) == (0, 0, 0)


async def test_operators_do_not_share_their_idempotency_keys() -> None:
    world = open_world()
    minted = await world.mint()
    app = world.app_for({"ann": "a" * 20, "bob": "b" * 20})
    path, word = f"{KEYS}/{minted.record.fp}/credit", {"amount_usdt": 1, "reason": "a gift"}
    for token in ("a" * 20, "b" * 20):
        async with world.client(app=app) as operator:
            headers = ONCE | {"Authorization": f"Bearer {token}"}
            response = await operator.post(path, json=word, headers=headers)
            assert "idempotent-replayed" not in response.headers
    assert (await balance(world, minted))["balance_usdt"] == 2
    rows = await world.services.queries.audit_rows(limit=2)
    assert [row.entry.actor for row in rows] == ["http:bob", "http:ann"]


async def test_a_customers_idempotency_key_is_another() -> None:
    world = open_world()
    minted = await world.rich("100")
    topup = {"amount_usdt": 10, "network": "usdt_ton"}
    async with world.operator() as operator, world.client(minted) as client:
        word = {"amount_usdt": 1, "reason": "a gift"}
        await operator.post(f"{KEYS}/{minted.record.fp}/credit", json=word, headers=ONCE)
        response = await client.post("/api/v1/balance/topup", json=topup, headers=ONCE)
        assert response.status_code == 200
        assert "idempotent-replayed" not in response.headers


@pytest.mark.parametrize(
    ("word", "headers"),
    [
        ({"amount_usdt": 1, "reason": "x"}, {}),
        ({"amount_usdt": 1, "reason": "x"}, {"Idempotency-Key": ""}),
        ({"amount_usdt": 1, "reason": "x"}, {"Idempotency-Key": "two words"}),
        ({"amount_usdt": 1}, ONCE),
        ({"amount_usdt": 1, "reason": ""}, ONCE),
        ({"amount_usdt": 1, "reason": "x" * 501}, ONCE),
        ({"amount_usdt": 0, "reason": "x"}, ONCE),
        ({"amount_usdt": 1_000_000.01, "reason": "x"}, ONCE),
        ({"amount_usdt": "1e3", "reason": "x"}, ONCE),
        ({"amount_usdt": True, "reason": "x"}, ONCE),
        ({"reason": "x"}, ONCE),
        ({"amount_usdt": 1, "reason": " "}, ONCE),
        ({"amount_usdt": 1, "reason": "x", "fp": "y"}, ONCE),
    ],
)
async def test_credits_that_say_too_little_or_too_much(word: object, headers: dict[str, str]) -> None:
    world = open_world()
    minted = await world.mint()
    async with world.operator() as operator:
        response = await operator.post(f"{KEYS}/{minted.record.fp}/credit", json=word, headers=headers)
        assert code_of(response) == (422, "invalid_request")
    assert (await balance(world, minted))["balance_usdt"] == 0


@pytest.mark.parametrize("fp", ["0" * 12, "x", "%00", "a" * 300, "%2e%2e", "ключ", "-", "a b"])
async def test_keys_that_do_not_exist(fp: str) -> None:
    world = open_world()
    word = {"amount_usdt": 1, "reason": "x"}
    async with world.operator() as operator:
        for response in (
            await operator.post(f"{KEYS}/{fp}/revoke"),
            await operator.post(f"{KEYS}/{fp}/rotate-secret"),
            await operator.post(f"{KEYS}/{fp}/replace"),
            await operator.post(f"{KEYS}/{fp}/credit", json=word, headers=ONCE),
            await operator.put(f"{KEYS}/{fp}/ip-whitelist", json={"ip_whitelist": []}),
        ):
            assert code_of(response) == (404, "key_not_found")


async def test_what_operators_did_is_listed_newest_first() -> None:
    world = open_world()
    async with world.operator() as operator:
        for label in ("Ann", "Bob", "Cid"):
            await operator.post(KEYS, json={"label": label})
        listing = (await operator.get("/api/admin/api-audit?limit=2")).json()
        assert (listing["page"], listing["page_size"], listing["total"]) == (1, 2, 3)
        assert [row["details"]["label"] for row in listing["items"]] == ["Cid", "Bob"]
        row = listing["items"][0]
        assert (row["number"], row["at"], row["actor"], row["action"]) == (
            3,
            epoch_seconds(NOW),
            "http:ops",
            "api_key.mint",
        )
        assert TOKEN not in json.dumps(listing)
        for query, labels in {
            "page=2&page_size=2": ["Ann"],
            "page=2&limit=1": ["Bob"],
            "limit=1&page_size=3": ["Cid", "Bob", "Ann"],
            "page=9": [],
        }.items():
            asked_for = (await operator.get(f"/api/admin/api-audit?{query}")).json()
            assert [row["details"]["label"] for row in asked_for["items"]] == labels, query
            assert asked_for["total"] == 3
        for wrong in ("page=0", "page_size=201"):
            assert (await operator.get(f"/api/admin/api-audit?{wrong}")).status_code == 422
        for limit in ("0", "201", "x"):
            assert code_of(await operator.get(f"/api/admin/api-audit?limit={limit}")) == (
                422,
                "invalid_request",
            )
        assert (await operator.get("/api/admin/api-audit")).json()["page_size"] == 50


async def test_a_webhook_is_sent_again() -> None:
    world = open_world()
    await world.product(1, "10")
    order = {
        "product_id": 1,
        "quantity": 1,
        "payment_method": "balance",
        "webhook_url": "https://shop.example/hook",
    }
    async with world.client(await world.rich()) as client, world.operator() as operator:
        number = (await client.post("/api/v1/orders", json=order)).json()["order_id"]
        await world.work()
        sent = len(world.sender.sent)
        (event,) = [
            told.event.id
            for told in await world.services.queries.events(number)
            if told.delivery == "delivered"
        ]
        again = await operator.post(f"/api/admin/webhooks/{event}/resend", json={"reason": "they lost it"})
        assert (again.status_code, again.json()) == (200, {"event_id": event, "delivery": "pending"})
        await world.services.webhooks.deliver_due()
        assert len(world.sender.sent) == sent + 1
        for unknown in ("evt_999", "1", "evt_", "%00"):
            response = await operator.post(f"/api/admin/webhooks/{unknown}/resend")
            assert code_of(response) == (404, "event_not_found")
