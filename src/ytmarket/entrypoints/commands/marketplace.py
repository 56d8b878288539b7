"""`ytmarket marketplace`: orders that other marketplaces have sold and been paid for."""

from __future__ import annotations

from typing import Annotated

import typer

from ytmarket.application.marketplace import Sold
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.orders import Order
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.commands.website import Product, Quantity
from ytmarket.entrypoints.terminal import DataDir, Once, out, placing, with_shop

app = typer.Typer(help="Orders of other marketplaces.", no_args_is_help=True)


@app.callback()
def marketplace() -> None:
    """Orders of other marketplaces."""


@app.command()
def take(
    product: Product,
    quantity: Quantity,
    amount: Annotated[str, typer.Argument(help="USDT that it was sold for, such as 12.50.")],
    name: Annotated[str, typer.Argument(metavar="MARKETPLACE", help="Which marketplace.")],
    external_id: Annotated[str, typer.Argument(metavar="ID", help="The order's number there.")],
    once: Once = None,
    data_dir: DataDir = None,
) -> None:
    """Take over an order that another marketplace has been paid for; it is delivered at once."""
    sold = Sold(
        product_id=ProductId(product),
        quantity=quantity,
        amount=Usdt.of(amount),
        marketplace=name,
        external_id=external_id,
    )

    async def use(shop: Shop) -> None:
        word = placing(once, "marketplace", product, quantity, sold.amount, name, external_id)
        order: Order = (await shop.services.marketplace.take(sold, word)).fresh
        out.print(f"Order {order.id} is {order.status}.")

    with_shop(data_dir, use)
