"""The operator's side: who may come in, keys, products, stock and cancelled orders."""

import json

import pytest

from tests.http.shop import NOW, TOKEN, open_world
from tests.http.test_admission import code_of
from ytmarket.domain.times import epoch_seconds

PRODUCT = {"sku": "A", "title": "An account", "category": "mail", "price_usdt": 8, "min_quantity": 2}
HEADERS = {"Idempotency-Key": "once"}


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer x {TOKEN}",
        "Bearer \xff",
    ],
)
async def test_without_a_token_nothing_is_told(authorization: str) -> None:
    world = open_world()
    async with world.client() as client:
        headers = {b"Authorization": authorization.encode("latin-1")}
        for method, path in (
            ("POST", "/api-keys"),
            ("PUT", "/products/1"),
            ("GET", "/nowhere"),
            ("GET", "/api-keys"),
        ):
            response = await client.request(method, f"/api/admin{path}", headers=headers)
            assert code_of(response) == (401, "invalid_admin_token")
            assert response.headers["www-authenticate"].startswith("Bearer")


async def test_guesses_are_slowed_down() -> None:
    world = open_world()
    async with world.operator("wrong") as stranger:
        for _ in range(60):
            assert (await stranger.get("/api/admin/api-keys")).status_code == 401
        assert code_of(await stranger.get("/api/admin/api-keys")) == (429, "rate_limited")
    async with world.operator() as operator:
        assert (await operator.post("/api/admin/api-keys", json={"label": "Ann"})).status_code == 201


async def test_without_a_configured_token_there_is_no_admin_api() -> None:
    world = open_world()
    async with world.client(app=world.app(tokens=False)) as client:
        for token in ("", TOKEN):
            response = await client.post("/api/admin/api-keys", headers={"Authorization": f"Bearer {token}"})
            assert code_of(response) == (404, "path_not_found")


async def test_the_scheme_is_read_as_the_standard_says() -> None:
    world = open_world()
    async with world.client() as client:
        response = await client.get("/api/admin/nowhere", headers={"Authorization": f"bEARER  {TOKEN}"})
        assert code_of(response) == (404, "path_not_found")


async def test_mint_a_key_and_use_it() -> None:
    world = open_world()
    async with world.operator() as operator:
        response = await operator.post(
            "/api/admin/api-keys",
            json={"label": "Ann", "with_secret": True, "ip_whitelist": ["192.0.2.7", "2001:db8::/32"]},
        )
        assert response.status_code == 201
        told = response.json()
        assert told == {
            "fp": told["fp"],
            "key": told["key"],
            "secret": told["secret"],
            "label": "Ann",
            "created_at": epoch_seconds(NOW),
        }
        assert len(told["secret"]) > 30
        plain = await operator.post("/api/admin/api-keys", json={"label": "Bob", "with_secret": False})
        assert plain.json()["secret"] is None
    async with world.client(told["key"]) as client:
        assert (await client.get("/api/v1/health")).status_code == 200
        assert code_of(await client.post("/api/v1/orders")) == (401, "invalid_signature")
    async with world.client(told["key"], address="192.0.2.8") as elsewhere:
        assert code_of(await elsewhere.get("/api/v1/health")) == (403, "ip_not_allowed")


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({}, "/label"),
        ({"label": ""}, "/label"),
        ({"label": " "}, "/label"),
        ({"label": "x" * 201}, "/label"),
        ({"label": 7}, "/label"),
        ({"label": "Ann", "with_secret": 1}, "/with_secret"),
        ({"label": "Ann", "ip_whitelist": "192.0.2.7"}, "/ip_whitelist"),
        ({"label": "Ann", "ip_whitelist": ["192.0.2.7", "nowhere"]}, "/ip_whitelist/1"),
        ({"label": "Ann", "ip_whitelist": [7]}, "/ip_whitelist/0"),
        ({"label": "Ann", "admin": True}, "/admin"),
    ],
)
async def test_keys_that_cannot_be_minted(told: object, pointer: str) -> None:
    world = open_world()
    async with world.operator() as operator:
        response = await operator.post("/api/admin/api-keys", json=told)
        assert code_of(response) == (422, "invalid_request")
        assert response.json()["errors"][0]["pointer"] == pointer


async def test_put_a_product_and_fill_the_shelf() -> None:
    world = open_world()
    async with world.operator() as operator:
        missing = await operator.post("/api/admin/products/7/stock", json={"units": [{"a": 1}]})
        assert code_of(missing) == (404, "product_not_found")
        added = await operator.put("/api/admin/products/7", json=PRODUCT)
        assert (added.status_code, added.json()) == (
            200,
            {"id": 7, **PRODUCT, "price_usdt": 8.0, "available": 0},
        )
        stock = await operator.post("/api/admin/products/7/stock", json={"units": [{"a": 1}, {"a": 2}]})
        assert (stock.status_code, stock.json()) == (200, {"added": 2, "available": 2})
        changed = await operator.put("/api/admin/products/7", json=PRODUCT | {"price_usdt": "9.50"})
        assert (changed.json()["price_usdt"], changed.json()["available"]) == (9.5, 2)
        taken = await operator.put("/api/admin/products/8", json=PRODUCT)
        assert code_of(taken) == (409, "sku_taken")
        assert "position" not in taken.json()
        twice = await operator.post("/api/admin/products/7/stock", json={"units": [{"a": 3}, {"a": 2}]})
        assert code_of(twice) == (409, "duplicate_unit")
        assert twice.json()["position"] == 1
        for absent in ("0", "x", "9" * 30):
            response = await operator.put(f"/api/admin/products/{absent}", json=PRODUCT)
            assert code_of(response) == (404, "product_not_found")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"price_usdt": 0}, "/price_usdt"),
        ({"price_usdt": -1}, "/price_usdt"),
        ({"price_usdt": "0.001"}, "/price_usdt"),
        ({"price_usdt": 1_000_000.01}, "/price_usdt"),
        ({"price_usdt": None}, "/price_usdt"),
        ({"min_quantity": 0}, "/min_quantity"),
        ({"min_quantity": 10_001}, "/min_quantity"),
        ({"min_quantity": True}, "/min_quantity"),
        ({"sku": ""}, "/sku"),
        ({"title": 1}, "/title"),
        ({"available": 7}, "/available"),
    ],
)
async def test_products_that_cannot_be(change: dict[str, object], pointer: str) -> None:
    world = open_world()
    async with world.operator() as operator:
        response = await operator.put("/api/admin/products/7", json=PRODUCT | change)
        assert code_of(response) == (422, "invalid_request")
        assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{}", "/units"),
        (b'{"units": []}', "/units"),
        (b'{"units": {}}', "/units"),
        (b'{"units": [1]}', "/units/0"),
        (b'{"units": [{}, "text"]}', "/units/1"),
        (b'{"units": [{"a": 1, "a": 2}]}', "/units/0/a"),
        (b'{"units": [{}, {"a": [1, NaN]}]}', "/units/1/a/1"),
        (b'{"units": [{"a": 1e5}]}', "/units/0/a"),
        (b'{"units": [{"a": "\\u0000"}]}', "/units/0/a"),
    ],
)
async def test_stock_that_cannot_be(body: bytes, pointer: str) -> None:
    world = open_world()
    await world.product(7, "8", units=0)
    async with world.operator() as operator:
        response = await operator.post("/api/admin/products/7/stock", content=body)
        assert code_of(response) == (422, "invalid_request")
        assert response.json()["errors"][0]["pointer"] == pointer


async def test_large_deliveries_of_stock() -> None:
    world = open_world()
    await world.product(7, "8", units=0)
    async with world.operator() as operator:
        units = [{"login": f"user-{number}", "password": "x" * 40} for number in range(5_000)]
        response = await operator.post("/api/admin/products/7/stock", json={"units": units})
        assert response.json() == {"added": 5_000, "available": 5_000}
        huge = b'{"units": [' + b" " * 32 * 1024 * 1024 + b"]}"
        assert code_of(await operator.post("/api/admin/products/7/stock", content=huge)) == (
            413,
            "body_too_large",
        )


async def test_units_keep_their_words_and_numbers() -> None:
    world = open_world()
    await world.product(7, "10", units=0)
    unit = '{ "b": 1.50,\n"a": "\\u044e", "n": -0.0, "deep": [[]] }'
    async with world.operator() as operator:
        body = b'{"units": [' + unit.encode() + b"]}"
        assert (await operator.post("/api/admin/products/7/stock", content=body)).status_code == 200
    async with world.client(await world.rich()) as client:
        order = {"product_id": 7, "quantity": 1, "payment_method": "balance"}
        number = (await client.post("/api/v1/orders", json=order)).json()["order_id"]
        await world.work()
        delivered = await client.get(f"/api/v1/orders/{number}")
        assert '"items":[{"b":1.50,"a":"ю","n":-0.0,"deep":[[]]}]'.encode() in delivered.content


async def test_orders_are_found_and_looked_at_without_what_was_delivered() -> None:
    world = open_world()
    await world.product(1, "10")
    await world.product(2, "10")
    ann, bob = await world.rich(), await world.rich()
    numbers = []
    for key, product in ((ann, 1), (ann, 2), (bob, 1)):
        async with world.client(key) as client:
            order = {"product_id": product, "quantity": 1, "payment_method": "balance"}
            numbers.append((await client.post("/api/v1/orders", json=order)).json()["order_id"])
    await world.work()
    one, two, three = numbers
    searches = {
        "": [three, two, one],
        "page=2&page_size=2": [one],
        f"fp={ann.record.fp}": [two, one],
        "product_id=1": [three, one],
        f"status=completed&product_id=1&fp={ann.record.fp}": [one],
        "status=expired": [],
        f"fp={'0' * 12}": [],
    }
    async with world.operator() as operator:
        for query, wanted in searches.items():
            listing = (await operator.get(f"/api/admin/orders?{query}")).json()
            assert [row["order_id"] for row in listing["items"]] == wanted, query
            assert listing["total"] == (3 if query.startswith("page") else len(wanted))
        for wrong in (
            "status=lost",
            "product_id=0",
            "product_id=x",
            f"product_id={'9' * 20}",
            "fp=",
            "page=0",
        ):
            refused = await operator.get(f"/api/admin/orders?{wrong}")
            assert code_of(refused) == (422, "invalid_request"), wrong
        told = (await operator.get(f"/api/admin/orders/{one}")).json()
        assert (told["order_id"], told["fp"], told["channel"]) == (one, ann.record.fp, "api")
        assert (told["status"], told["delivered"]) == ("completed", 1)
        assert [event["status"] for event in told["events"]] == ["processing", "completed"]
        assert {event["delivery"] for event in told["events"]} == {"unwanted"}
        listed = (await operator.get("/api/admin/orders")).json()["items"][-1]
        assert {name: told[name] for name in listed} == listed
        assert "items" not in told
        for absent in ("999", "x", "0"):
            assert code_of(await operator.get(f"/api/admin/orders/{absent}")) == (404, "order_not_found")


async def test_cancel_an_order_once() -> None:
    world = open_world()
    await world.product(1, "10")
    async with world.client(await world.rich()) as client, world.operator() as operator:
        order = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
        number = (await client.post("/api/v1/orders", json=order)).json()["order_id"]
        path = f"/api/admin/orders/{number}/cancel"
        assert code_of(await operator.post(path, json={"reason": "asked for"})) == (422, "invalid_request")
        for body in ({}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "x", "y": 1}):
            assert code_of(await operator.post(path, json=body, headers=HEADERS)) == (422, "invalid_request")
        cancelled = await operator.post(path, json={"reason": "asked for"}, headers=HEADERS)
        assert cancelled.status_code == 200
        assert (cancelled.json()["status"], cancelled.json()["error_message"]) == ("cancelled", "asked for")
        again = await operator.post(path, json={"reason": "asked for"}, headers=HEADERS)
        assert again.content == cancelled.content
        assert again.headers["idempotent-replayed"] == "true"
        other = await operator.post(path, json={"reason": "another"}, headers=HEADERS)
        assert code_of(other) == (422, "idempotency_key_reused")
        again = await operator.post(path, json={"reason": "asked for"}, headers={"Idempotency-Key": "twice"})
        assert code_of(again) == (409, "illegal_order_move")
        assert again.json()["order_status"] == "cancelled"
        for absent in ("999", "x"):
            response = await operator.post(
                f"/api/admin/orders/{absent}/cancel",
                json={"reason": "x"},
                headers={"Idempotency-Key": absent},
            )
            assert code_of(response) == (404, "order_not_found")
        await world.work()
        told = (await client.get(f"/api/v1/orders/{number}")).json()
        assert (told["status"], told["refunded"]) == ("cancelled", True)


async def test_each_act_leaves_a_row_without_secrets() -> None:
    world = open_world()
    async with world.operator() as operator:
        minted = (await operator.post("/api/admin/api-keys", json={"label": "Ann"})).json()
        await operator.put("/api/admin/products/7", json=PRODUCT)
        await operator.post("/api/admin/products/7/stock", json={"units": [{"password": "hunter2"}]})
    rows = await world.services.queries.audit_rows(limit=10)
    assert [(row.entry.actor, row.entry.action) for row in reversed(rows)] == [
        ("http:ops", "api_key.mint"),
        ("http:ops", "product.put"),
        ("http:ops", "product.stock"),
    ]
    told = json.dumps([dict(row.entry.details) for row in rows])
    assert minted["key"] not in told
    assert minted["secret"] not in told
    assert "hunter2" not in told
