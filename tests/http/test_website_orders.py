"""Website and marketplace orders through the operators' door: placed, paid, delivered, paid back."""

from datetime import timedelta
from typing import Any

import pytest

from tests.http.shop import NOW, World, open_world
from tests.http.test_admission import code_of
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.application.ports.queries import Paging
from ytmarket.application.ports.supplier import CannotDeliver
from ytmarket.domain import chart
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.ledger import balance_of
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.times import epoch_seconds

WANTED = {"product_id": 7, "quantity": 2, "network": "usdt_ton"}
SOLD = {"product_id": 7, "quantity": 1, "amount_usdt": 9.99, "channel": "bazaar", "external_id": "A-1"}
ORDERS = "/api/admin/website-orders"
FIRST, ONCE, TWICE = ({"Idempotency-Key": name} for name in ("first", "once", "twice"))


async def stocked(**settings: Any) -> World:
    world = open_world(**settings)
    await world.work()  # readers start at the head of their chain
    await world.product(7, "50", units=5)
    return world


async def asked(world: World, method: str, path: str, told: object = None, **headers: str) -> Any:
    async with world.operator() as operator:
        response = await operator.request(method, path, json=told, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def opened(world: World, **changes: object) -> Any:
    return await asked(world, "POST", ORDERS, WANTED | changes)


async def seen(world: World, order: Any) -> Any:
    return await asked(world, "GET", f"{ORDERS}/{order['order_id']}")


async def sent(world: World, amount: str, network: Network = Network.TON) -> None:
    await world.devnet.send(DevnetTransfer(network=network, amount=Usdt.of(amount)))
    await world.work()


async def audited(world: World) -> list[tuple[str, str]]:
    rows = await world.services.queries.audit_rows(limit=50)
    return [(row.entry.action, row.entry.target) for row in rows]


async def test_a_website_order_is_told_what_to_pay_where_and_until_when() -> None:
    world = await stocked()
    order = await opened(world)
    assert order == {
        "order_id": order["order_id"],
        "status": "awaiting_payment",
        "amount_usdt": 100.0,
        "payment_address": world.devnet.wallet(Network.TON),
        "expires_at": epoch_seconds(NOW) + 900,
        "raw_data": {"dp_hits": 0},
    }
    assert (await opened(world))["amount_usdt"] == 101.0
    assert ("website_order.open", f"order:{order['order_id']}") in await audited(world)


async def test_paid_it_is_delivered_like_any_other() -> None:
    world = await stocked()
    order = await opened(world)
    await sent(world, "99.99")
    found = await seen(world, order)
    assert found == order | {
        "status": "completed",
        "items": found["items"],
        "product_id": 7,
        "quantity": 2,
        "network": "usdt_ton",
        "paid_usdt": 99.99,
        "error_message": None,
        "refunded": False,
        "refunded_usdt": 0.0,
        "refund_tx_hash": None,
    }
    assert len(found["items"]) == 2
    assert {type(item) for item in found["items"]} == {dict}


async def test_until_it_is_delivered_nothing_is_shown() -> None:
    world = await stocked()
    world.supplier.is_down = True
    order = await opened(world)
    assert "items" not in await seen(world, order)
    await sent(world, "100")
    found = await seen(world, order)
    assert (found["status"], "items" in found) == ("processing", False)


async def test_unpaid_it_expires_and_its_units_are_for_sale_again() -> None:
    world = await stocked()
    order = await opened(world, quantity=5)
    async with world.operator() as operator:
        gone = await operator.post(ORDERS, json=WANTED)
    assert code_of(gone) == (409, "insufficient_stock")
    assert gone.json()["available"] == 0
    world.clock.advance(timedelta(minutes=15))
    await world.work()
    assert (await seen(world, order))["status"] == "expired"
    assert (await opened(world))["status"] == "awaiting_payment"


async def test_what_is_owed_back_is_paid_out_once() -> None:
    world = await stocked()
    world.supplier.answer = CannotDeliver("sold out there")
    order = await opened(world)
    path, said = f"{ORDERS}/{order['order_id']}/refund-paid", {"tx_hash": "ab" * 32, "reason": "sent"}
    async with world.operator() as operator:
        early = await operator.post(path, json=said, headers=ONCE)
        assert code_of(early) == (409, "no_refund_owed")
        assert early.json()["order_status"] == "awaiting_payment"
        await sent(world, "100.004")
        found = await seen(world, order)
        assert (found["status"], found["error_message"]) == ("failed", "sold out there")
        assert (found["refunded"], found["refunded_usdt"], found["refund_tx_hash"]) == (True, 100.004, None)
        assert code_of(await operator.post(path, json=said)) == (422, "invalid_request")
        paid = await operator.post(path, json=said, headers=ONCE)
        assert (paid.status_code, paid.json()) == (200, found | {"refund_tx_hash": "ab" * 32})
        again = await operator.post(path, json=said, headers=ONCE)
        assert (again.content, again.headers["Idempotent-Replayed"]) == (paid.content, "true")
        twice = await operator.post(path, json=said, headers=TWICE)
        assert code_of(twice) == (409, "no_refund_owed")
    names = [name for name, _ in await audited(world)]
    assert names.count("website_order.refund_paid") == 1
    assert (await seen(world, order))["refund_tx_hash"] == "ab" * 32


async def test_cancelled_before_it_was_paid_nothing_is_owed() -> None:
    world = await stocked()
    order = await opened(world)
    path = f"/api/admin/orders/{order['order_id']}/cancel"
    await asked(world, "POST", path, {"reason": "changed their mind"}, **ONCE)
    await sent(world, "100")
    found = await seen(world, order)
    assert (found["status"], found["paid_usdt"], found["refunded"]) == ("cancelled", 0.0, False)
    waiting = await asked(world, "GET", "/api/admin/deposits?status=unmatched")
    (deposit,) = waiting["items"]
    assert (deposit["reason"], deposit["candidate_order_id"]) == ("expired", order["order_id"])


async def test_an_operator_applies_a_payment_that_missed() -> None:
    world = await stocked()
    order, ended = await opened(world), await opened(world, network="usdt_bep_20")
    await asked(world, "POST", f"/api/admin/orders/{ended['order_id']}/cancel", {"reason": "no"}, **FIRST)
    await sent(world, "95", Network.TRON)
    (record,) = (await world.services.queries.deposits(DepositStatus.UNMATCHED, Paging())).rows
    path = f"/api/admin/deposits/{record.id}/apply"
    said = {"order_id": order["order_id"], "reason": "a bank's fee"}
    async with world.operator() as operator:
        assert code_of(await operator.post(path, json=said)) == (422, "invalid_request")
        late = await operator.post(path, json=said | {"order_id": ended["order_id"]}, headers=ONCE)
        assert code_of(late) == (409, "order_not_payable")
        assert "return it" in late.json()["detail"]
        nowhere = await operator.post(path, json=said | {"order_id": 404}, headers=ONCE)
        assert code_of(nowhere) == (404, "order_not_found")
        missing = await operator.post("/api/admin/deposits/404/apply", json=said, headers=ONCE)
        assert code_of(missing) == (404, "deposit_not_found")
        applied = await operator.post(path, json=said, headers=ONCE)
        assert (applied.json()["status"], applied.json()["order_id"]) == ("applied", order["order_id"])
        twice = await operator.post(path, json=said, headers=TWICE)
        assert code_of(twice) == (409, "deposit_not_waiting")
    await world.work()
    found = await seen(world, order)
    assert (found["status"], found["paid_usdt"]) == ("completed", 95.0)
    assert ("deposit.apply", f"deposit:{record.id}") in await audited(world)


async def test_a_refund_leaves_by_the_wallet_into_which_the_payment_came() -> None:
    world = await stocked()
    world.supplier.answer = CannotDeliver("no")
    order = await opened(world)
    await sent(world, "100", Network.TRON)
    (record,) = (await world.services.queries.deposits(DepositStatus.UNMATCHED, Paging())).rows
    said = {"order_id": order["order_id"], "reason": "the wrong network"}
    await asked(world, "POST", f"/api/admin/deposits/{record.id}/apply", said, **FIRST)
    await world.work()
    path, paid = f"{ORDERS}/{order['order_id']}/refund-paid", {"tx_hash": "x", "reason": "sent"}
    await asked(world, "POST", path, paid, **ONCE)
    books = world.database._state.transfers.values()
    for account in (chart.wallet(Network.TRON), chart.wallet(Network.TON), chart.REFUNDS_PAYABLE):
        assert balance_of(account, books) == Usdt(0)
    rows = await world.services.queries.audit_rows(limit=1)
    assert dict(rows[0].entry.details) == {
        "amount_usdt": "100.0",
        "network": "usdt_trc_20",
        "tx_hash": "x",
        "before": "refund owed",
        "after": "refund paid",
        "reason": "sent",
    }


async def test_a_repeated_request_is_one_order() -> None:
    world = await stocked()
    first = await asked(world, "POST", ORDERS, WANTED, **ONCE)
    assert await asked(world, "POST", ORDERS, WANTED, **ONCE) == first
    assert (await opened(world))["order_id"] != first["order_id"]


async def test_a_network_without_a_wallet_is_refused_with_those_that_have_one() -> None:
    world = await stocked(closed=[Network.TON])
    async with world.operator() as operator:
        for name in ("usdt_ton", "usdt_moon"):
            refused = await operator.post(ORDERS, json=WANTED | {"network": name})
            assert code_of(refused) == (422, "invalid_request")
            assert refused.json()["errors"][0]["pointer"] == "/network"
            assert refused.json()["networks"] == [net for net in Network if net is not Network.TON]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"product_id": 404}, 404, "product_not_found"),
        ({"quantity": 6}, 409, "insufficient_stock"),
        ({"product_id": 8, "quantity": 7}, 400, "below_minimum"),
        ({"product_id": 9}, 422, "invalid_request"),
        ({"quantity": 0}, 422, "invalid_request"),
        ({"quantity": 10_001}, 422, "invalid_request"),
        ({"quantity": True}, 422, "invalid_request"),
        ({"product_id": 2**63}, 422, "invalid_request"),
        ({"email": "x@example.org"}, 422, "invalid_request"),
    ],
)
async def test_website_orders_that_cannot_be(change: dict[str, object], status: int, code: str) -> None:
    world = await stocked()
    await world.product(8, "1", units=9)
    await world.product(9, "600000.00", units=2)
    async with world.operator() as operator:
        response = await operator.post(ORDERS, json=WANTED | change)
    assert code_of(response) == (status, code)


async def test_when_every_amount_is_taken_there_is_none() -> None:
    world = await stocked()
    await world.product(8, "1", units=30)
    wanted, amounts = {"product_id": 8, "quantity": 8, "network": "usdt_ton"}, []
    async with world.operator() as operator:
        while (response := await operator.post(ORDERS, json=wanted)).status_code == 200:
            order = response.json()
            amounts.append(Usdt.of(str(order["amount_usdt"])))
            cancel = f"/api/admin/orders/{order['order_id']}/cancel"
            again = {"Idempotency-Key": str(order["order_id"])}
            assert (await operator.post(cancel, json={"reason": "no"}, headers=again)).status_code == 200
    assert code_of(response) == (409, "no_free_amount")
    assert len(set(amounts)) == len(amounts) > 11
    assert all(abs(one - other) >= Usdt.of("0.03") for one in amounts for other in amounts if one != other)
    assert max(amounts) <= Usdt.of("8.80")


async def test_orders_of_other_channels_are_no_website_orders() -> None:
    world = await stocked()
    sold = await asked(world, "POST", "/api/admin/marketplace-orders", SOLD)
    async with world.operator() as operator:
        for number in (str(sold["order_id"]), "404", "x"):
            assert code_of(await operator.get(f"{ORDERS}/{number}")) == (404, "order_not_found")
            said = {"tx_hash": "x", "reason": "y"}
            refused = await operator.post(f"{ORDERS}/{number}/refund-paid", json=said, headers=ONCE)
            assert code_of(refused) == (404, "order_not_found")


async def test_a_marketplaces_order_is_delivered_and_counts_for_pricing() -> None:
    world = await stocked()
    sold = await asked(world, "POST", "/api/admin/marketplace-orders", SOLD | {"amount_usdt": 99.99})
    assert (sold["status"], sold["price_usdt"], sold["quantity"]) == ("processing", 99.99, 1)
    assert (await opened(world))["raw_data"] == {"dp_hits": 1}
    await world.work()
    found = await world.services.queries.order(None, sold["order_id"])
    assert found is not None
    assert (found.order.status, len(found.items)) == ("completed", 1)
    assert ("marketplace_order.take", f"order:{sold['order_id']}") in await audited(world)


async def test_a_marketplaces_number_is_taken_over_once() -> None:
    world = await stocked()
    path = "/api/admin/marketplace-orders"
    first = await asked(world, "POST", path, SOLD, **ONCE)
    assert await asked(world, "POST", path, SOLD, **ONCE) == first
    async with world.operator() as operator:
        assert code_of(await operator.post(path, json=SOLD)) == (409, "already_done")
        other = await operator.post(path, json=SOLD | {"channel": "fair"})
        assert other.status_code == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount_usdt": 0}, "/amount_usdt"),
        ({"amount_usdt": -1}, "/amount_usdt"),
        ({"amount_usdt": "9.999"}, "/amount_usdt"),
        ({"amount_usdt": 1_000_000.01}, "/amount_usdt"),
        ({"channel": ""}, "/channel"),
        ({"channel": " "}, "/channel"),
        ({"external_id": 7}, "/external_id"),
        ({"external_id": "x" * 201}, "/external_id"),
        ({"reason": "none"}, "/reason"),
    ],
)
async def test_marketplace_orders_that_cannot_be(change: dict[str, object], pointer: str) -> None:
    world = await stocked()
    async with world.operator() as operator:
        response = await operator.post("/api/admin/marketplace-orders", json=SOLD | change)
    assert code_of(response) == (422, "invalid_request")
    assert response.json()["errors"][0]["pointer"] == pointer
