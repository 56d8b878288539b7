"""`ytmarket orders`: found, looked at, called off."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ytmarket.application.ports.queries import EventView, OrderFilter, Paging
from ytmarket.domain import limits
from ytmarket.domain.errors import OrderNotFound
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Order
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.terminal import (
    AsJson,
    DataDir,
    Once,
    Page,
    Reason,
    instruction,
    moment,
    out,
    show,
    show_one,
    with_shop,
)

app = typer.Typer(help="Orders.", no_args_is_help=True)

SPARE: Final = ("message", "refund", "account", "channel", "delivered", "product")

Number = Annotated[int, typer.Argument(metavar="ORDER", help="The order's number.", min=1, max=limits.ID_MAX)]


@app.command("list")
def list_orders(
    page: Page = 1,
    status: Annotated[OrderStatus | None, typer.Option(help="Only those in this status.")] = None,
    fp: Annotated[
        str | None, typer.Option("--key", metavar="FP", help="Only those of this key's account.")
    ] = None,
    product: Annotated[
        int | None,
        typer.Option(metavar="PRODUCT", help="Only those of this product.", min=1, max=limits.ID_MAX),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List everybody's orders, newest first, fifty a page; all filters that are named must hold."""
    wanted = OrderFilter(status=status, fp=fp, product=None if product is None else ProductId(product))

    async def use(shop: Shop) -> None:
        found = await shop.services.queries.find_orders(wanted, Paging(page=page, page_size=50))
        rows = [_row(order) for order in found.rows]
        show(rows, as_json=as_json, prose=("message",), spare=SPARE)

    with_shop(data_dir, use)


@app.command("show")
def show_order(order_id: Number, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show an order's events with how their webhooks fare. What was delivered is not shown."""

    async def use(shop: Shop) -> None:
        found = await shop.services.queries.order(None, OrderId(order_id))
        if found is None:
            raise OrderNotFound
        if not as_json:
            show_one(_row(found.order), as_json=False)
            out.print()
        events = await shop.services.queries.events(OrderId(order_id))
        rows = [_event(event) for event in events]
        show([_row(found.order) | event for event in rows] if as_json else rows, as_json=as_json)

    with_shop(data_dir, use)


@app.command()
def cancel(order_id: Number, reason: Reason, once: Once = None, data_dir: DataDir = None) -> None:
    """Call an order off; its customer is refunded by the next sweep."""

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "cancel", order_id)
        order: Order = (await shop.services.fulfilment.cancel(OrderId(order_id), word)).fresh
        out.print(f"Order {order.id} is {order.status}; {order.due} USDT will be given back.")

    with_shop(data_dir, use)


def _row(order: Order) -> dict[str, str]:
    return {
        "order": str(order.id),
        "created": moment(order.created_at),
        "channel": order.channel,
        "account": "-" if order.account_id is None else str(order.account_id),
        "product": str(order.product_id),
        "quantity": str(order.quantity),
        "price": str(order.price),
        "status": order.status,
        "delivered": str(order.delivered),
        "refund": order.refund,
        "refunded": str(order.refunded),
        "message": order.error_message or "-",
    }


def _event(view: EventView) -> dict[str, str]:
    return {
        "event": str(view.event.id),
        "at": moment(view.event.at),
        "event status": view.event.status,
        "webhook": view.delivery,
        "attempts": str(view.attempts),
        "last answer": "-" if view.last_status is None else str(view.last_status),
    }
