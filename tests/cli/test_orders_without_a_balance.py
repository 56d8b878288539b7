"""Website and marketplace orders, typed: opened, paid by a deposit, delivered, paid back, taken over."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.cli.conftest import Terminal
from ytmarket.domain.errors import (
    AlreadyDone,
    InsufficientStock,
    InvalidRequest,
    NoRefundOwed,
    OrderNotFound,
    OrderNotPayable,
)
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.settings import Settings

SET_ASIDE = """
    insert into deposit (network, tx_hash, event_index, recipient, raw, decimals, amount, height, block_ref,
        at, seen_at, status, reason)
    values ('usdt_ton', 'x{number}', 0, 'w', 9000000, 6, 9000000, 1, 'b', now(), now(), 'unmatched', 'under');
    insert into transfer (kind, ref, debit, credit, amount, at, deposit_id)
    values ('deposit_set_aside', '{number}', 'wallet:usdt_ton', 'unmatched:usdt_ton', 9000000, now(),
        {number})
"""


@pytest.fixture
def stocked(terminal: Terminal) -> Terminal:
    products, units = terminal.folder / "products.csv", terminal.folder / "units.jsonl"
    products.write_text("id,sku,title,category,price_usdt\n7,A,A,mail,10\n")
    units.write_text("".join(json.dumps({"login": f"[b]{number}"}) + "\n" for number in range(3)))
    terminal.types("catalog", "import", products)
    terminal.types("stock", "import", 7, units)
    return terminal


def work(terminal: Terminal) -> None:
    """One round of deliveries and refunds."""

    async def run() -> None:
        async with open_shop(Settings.from_environment(settings)) as shop:
            await shop.services.fulfilment.fulfil_due()
            await shop.services.fulfilment.refund_due()

    settings = {name: text for name, text in terminal.environment.items() if name.startswith("YTMARKET_")}
    asyncio.run(run())


def test_a_website_order_is_opened_paid_and_delivered(stocked: Terminal) -> None:
    (opened,) = stocked.rows("website", "open", 7, 2, "usdt_ton", "--once", "cart-1")
    order = opened["order"]
    assert (opened["status"], opened["to pay"], opened["network"]) == ("awaiting_payment", "20.0", "usdt_ton")
    assert opened["address"]
    with pytest.raises(AlreadyDone):
        stocked.types("website", "open", 7, 2, "usdt_ton", "--once", "cart-1")
    with pytest.raises(InsufficientStock):
        stocked.types("website", "open", 7, 2, "usdt_ton")
    assert stocked.rows("website", "show", order) == [opened]
    assert stocked.types("website", "show", order, "--items") == ""

    for number in (1, 2):
        stocked.sql(SET_ASIDE.format(number=number))
    assert f"9.0 USDT pay order {order}" in stocked.types("deposits", "apply", 1, order, "--reason", "hers")
    with pytest.raises(OrderNotPayable):
        stocked.types("deposits", "apply", 2, order, "--reason", "hers too")
    work(stocked)
    items = stocked.types("website", "show", order, "--items").splitlines()
    assert [json.loads(item)["login"][:3] for item in items] == ["[b]", "[b]"]
    (found,) = stocked.rows("website", "show", order)
    assert (found["status"], found["paid"], found["delivered"]) == ("completed", "9.0", "2")
    with pytest.raises(NoRefundOwed):
        stocked.types("website", "refund-paid", order, "0xabc", "--reason", "sent")
    assert "books are true" in stocked.types("verify")


def test_what_is_owed_back_is_written_down_once_it_was_sent(stocked: Terminal) -> None:
    (opened,) = stocked.rows("website", "open", 7, 1, "usdt_ton")
    order = opened["order"]
    stocked.sql(SET_ASIDE.format(number=1))
    stocked.types("deposits", "apply", 1, order, "--reason", "hers")
    stocked.types("orders", "cancel", order, "--reason", "she asked")
    work(stocked)
    (found,) = stocked.rows("website", "show", order)
    assert (found["status"], found["owed back"], found["paid back in"]) == ("cancelled", "9.0", "-")
    words = ("website", "refund-paid", order, "0xabc", "--reason", "sent", "--once", "r-1")
    assert f"9.0 USDT are paid back for order {order}" in stocked.types(*words)
    with pytest.raises(AlreadyDone):
        stocked.types(*words)
    assert stocked.rows("website", "show", order)[0]["paid back in"] == "0xabc"
    assert "books are true" in stocked.types("verify")


def test_an_order_of_another_marketplace_is_taken_over_once(stocked: Terminal) -> None:
    told = stocked.types("marketplace", "take", 7, 1, "12.50", "bazaar", "A-1")
    assert "is processing" in told
    with pytest.raises(AlreadyDone):
        stocked.types("marketplace", "take", 7, 1, "12.50", "bazaar", "A-1")
    with pytest.raises(InvalidRequest):
        stocked.types("marketplace", "take", 7, 1, "12.505", "bazaar", "A-2")
    (row,) = stocked.rows("orders", "list")
    assert stocked.rows("orders", "list", "--status", row["status"], "--product", row["product"]) == [row]
    for nothing in (("--status", "expired"), ("--product", 404), ("--key", "0" * 12)):
        assert stocked.rows("orders", "list", *nothing) == []
    assert (row["channel"], row["price"]) == ("marketplace", "12.5")
    with pytest.raises(OrderNotFound):
        stocked.types("website", "show", row["order"])
    assert stocked.rows("audit")[0]["action"] == "marketplace_order.take"
