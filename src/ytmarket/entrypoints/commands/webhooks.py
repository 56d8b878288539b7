"""`ytmarket webhooks`: sent again."""

from __future__ import annotations

from typing import Annotated

import typer

from ytmarket.domain.ids import EventId
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.terminal import DataDir, actor, out, with_shop

app = typer.Typer(help="What clients' servers are told.", no_args_is_help=True)


@app.callback()
def webhooks() -> None:
    """What clients' servers are told."""


@app.command()
def resend(
    event: Annotated[str, typer.Argument(help="Its id, as `ytmarket orders show` has it.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Send an event again, from its first attempt."""

    async def use(shop: Shop) -> None:
        await shop.services.webhooks.resend(EventId(event), actor(), reason=reason)
        out.print(f"{event} is on its way again.")

    with_shop(data_dir, use)
