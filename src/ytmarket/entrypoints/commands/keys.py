"""`ytmarket keys`: customers' API keys."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ytmarket.application.api_keys import MintedKey
from ytmarket.application.ports.queries import Paging
from ytmarket.domain import api_keys
from ytmarket.domain.api_keys import KeySummary
from ytmarket.domain.money import Usdt
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.terminal import (
    AsJson,
    DataDir,
    Once,
    Page,
    Reason,
    actor,
    err,
    instruction,
    moment,
    out,
    show,
    show_one,
    with_shop,
)

app = typer.Typer(help="Customers' API keys.", no_args_is_help=True)

SPARE: Final = ("created", "from", "secret")

Fingerprint = Annotated[str, typer.Argument(metavar="FP", help="The key's fingerprint.")]


@app.command()
def mint(
    label: Annotated[str, typer.Argument(help="Whose key it is, for your lists.")],
    secret: Annotated[bool, typer.Option(help="Issue an HMAC secret as well.")] = True,
    allow_ip: Annotated[
        list[str] | None, typer.Option(help="Address or CIDR range it may be used from.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Mint a key. Key and secret are shown now and never again."""
    allowed = [api_keys.parse_range(text, "--allow-ip") for text in allow_ip or []]

    async def use(shop: Shop) -> None:
        minted = await shop.services.api_keys.mint(label, actor(), with_secret=secret, allowed=allowed)
        _show_minted(minted, as_json=as_json)

    with_shop(data_dir, use)


@app.command("list")
def list_keys(page: Page = 1, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List keys with their balances and last use."""

    async def use(shop: Shop) -> None:
        found = await shop.services.queries.key_summaries(Paging(page=page, page_size=200))
        rows = [_row(summary) for summary in found.rows]
        show(rows, as_json=as_json, prose=("label", "from"), spare=SPARE)

    with_shop(data_dir, use)


@app.command()
def revoke(
    fp: Fingerprint,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Let a key open nothing any more. Its account keeps balance and orders."""

    async def use(shop: Shop) -> None:
        await shop.services.api_keys.revoke(fp, actor(), reason=reason)
        out.print(f"The key {fp} is revoked.")

    with_shop(data_dir, use)


@app.command("rotate-secret")
def rotate_secret(fp: Fingerprint, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Give a key another secret, shown now and never again. The old one is dead at once."""

    async def use(shop: Shop) -> None:
        rotated = await shop.services.api_keys.rotate_secret(fp, actor())
        show_one({"fp": fp, "secret": rotated.secret}, as_json=as_json)

    with_shop(data_dir, use)


@app.command()
def replace(fp: Fingerprint, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Replace a leaked key: its account gets another key and secret, and the old one is dead."""

    async def use(shop: Shop) -> None:
        _show_minted(await shop.services.api_keys.replace(fp, actor()), as_json=as_json)

    with_shop(data_dir, use)


@app.command("allow-ip")
def allow_ip(
    fp: Fingerprint,
    ranges: Annotated[
        list[str] | None, typer.Argument(help="Addresses and CIDR ranges; none lets everybody in.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Say from where a key may be used, instead of what was said before."""
    allowed = [api_keys.parse_range(text, "RANGES") for text in ranges or []]

    async def use(shop: Shop) -> None:
        key = await shop.services.api_keys.set_allowed(fp, allowed, actor())
        out.print(f"The key {fp} may be used from {', '.join(map(str, key.allowed)) or 'everywhere'}.")

    with_shop(data_dir, use)


@app.command(context_settings={"ignore_unknown_options": True})  # a debit begins with a minus
def credit(
    fp: Fingerprint,
    amount: Annotated[str, typer.Argument(help="USDT, such as 25.00; -25.00 takes them.")],
    reason: Reason,
    once: Once = None,
    data_dir: DataDir = None,
) -> None:
    """Credit a key's account by hand, or debit it."""
    usdt = Usdt.of(amount)

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "credit", fp, usdt)
        credited = (await shop.services.api_keys.credit(fp, usdt, word)).fresh
        out.print(f"{credited.amount} USDT; the balance is {credited.totals.balance} USDT.")

    with_shop(data_dir, use)


@app.command()
def reseal(data_dir: DataDir = None) -> None:
    """Seal every secret and unit of stock anew under the first master key."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()

    async def use(shop: Shop) -> None:
        resealing = shop.services.resealing
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("sealing anew", total=await resealing.count())
            done = await resealing.reseal(
                actor(), on_done=lambda count: progress.update(task, completed=count)
            )
        out.print(
            f"{done.sealed_anew} of {done.looked_at} were sealed by a former master key and are sealed anew."
            " No former key is needed any more."
        )

    with_shop(data_dir, use)


def _row(summary: KeySummary) -> dict[str, str]:
    key = summary.key
    return {
        "fp": key.fp,
        "label": key.label,
        "balance": str(summary.balance),
        "secret": "yes" if key.sealed_secret is not None else "no",
        "from": ", ".join(map(str, key.allowed)) or "everywhere",
        "created": moment(key.created_at),
        "last used": moment(summary.last_used_at),
        "revoked": moment(key.revoked_at),
    }


def _show_minted(minted: MintedKey, *, as_json: bool) -> None:
    record = minted.record
    told = {"fp": record.fp, "key": minted.key, "secret": minted.secret or "-", "label": record.label}
    show_one(told, as_json=as_json)
