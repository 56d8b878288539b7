"""`ytmarket website`: orders of buyers who have no account, paid on chain."""

from __future__ import annotations

from typing import Annotated

import typer

from ytmarket.application.website import Buy, WebsiteOrder
from ytmarket.domain import limits
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.terminal import (
    AsJson,
    DataDir,
    Once,
    Reason,
    instruction,
    moment,
    out,
    placing,
    show_one,
    with_shop,
)

app = typer.Typer(help="Orders of the website's buyers.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="ORDER", help="The order's number.", min=1, max=limits.ID_MAX)]
Product = Annotated[
    int, typer.Argument(metavar="PRODUCT", help="The product's id.", min=1, max=limits.ID_MAX)
]
Quantity = Annotated[int, typer.Argument(help="How many.", min=limits.QUANTITY_MIN, max=limits.QUANTITY_MAX)]


@app.command("open")
def open_order(
    product: Product,
    quantity: Quantity,
    network: Annotated[Network, typer.Argument(help="Network on which the buyer pays.")],
    once: Once = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Hold units and an amount for a buyer; shows what to pay, where and until when."""

    async def use(shop: Shop) -> None:
        wanted = Buy(product_id=ProductId(product), quantity=quantity, network=network)
        word = placing(once, "website", product, quantity, network)
        opened: WebsiteOrder = (await shop.services.website.open(wanted, word)).fresh
        show_one(_row(opened), as_json=as_json)

    with_shop(data_dir, use)


@app.command("show")
def show_order(
    order_id: Number,
    items: Annotated[bool, typer.Option("--items", help="Print what was delivered instead.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of a website order, and what is owed back."""

    async def use(shop: Shop) -> None:
        found = await shop.services.website.find(OrderId(order_id))
        if items:
            for item in found.items:
                out.print(item.decode(), soft_wrap=True, highlight=False, markup=False)
        else:
            show_one(_row(found), as_json=as_json)

    with_shop(data_dir, use)


@app.command("refund-paid")
def refund_paid(
    order_id: Number,
    tx_hash: Annotated[str, typer.Argument(metavar="TRANSACTION", help="In which you sent it.")],
    reason: Reason,
    once: Once = None,
    data_dir: DataDir = None,
) -> None:
    """Write down that you sent a buyer what it was owed."""

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "refund-paid", order_id, tx_hash)
        paid: WebsiteOrder = (await shop.services.website.refund_paid(OrderId(order_id), tx_hash, word)).fresh
        out.print(f"{paid.order.refunded} USDT are paid back for order {order_id}.")

    with_shop(data_dir, use)


def _row(found: WebsiteOrder) -> dict[str, str]:
    order, checkout = found.order, found.checkout
    return {
        "order": str(order.id),
        "status": order.status,
        "product": str(order.product_id),
        "quantity": str(order.quantity),
        "to pay": str(order.price),
        "network": checkout.network,
        "address": checkout.address,
        "until": moment(checkout.expires_at),
        "paid": str(order.charged),
        "delivered": str(order.delivered),
        "owed back": str(order.refunded),
        "paid back in": checkout.refund_tx_hash or "-",
        "message": order.error_message or "-",
    }
