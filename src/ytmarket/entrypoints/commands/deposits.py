"""`ytmarket deposits`: those that the shop could not match by itself."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ytmarket.application.deposit_desk import WaitingDeposit
from ytmarket.application.ports.queries import Paging
from ytmarket.domain import limits
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.ids import DepositId, OrderId, TopupId
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
    with_shop,
)

app = typer.Typer(help="Deposits, and what to do with those that matched nothing.", no_args_is_help=True)

SPARE: Final = ("transaction", "perhaps for", "status", "off by")

Number = Annotated[
    int, typer.Argument(metavar="DEPOSIT", help="Its number in the list.", min=1, max=limits.ID_MAX)
]
Fingerprint = Annotated[str, typer.Argument(metavar="FP", help="The key whose account it belongs to.")]


@app.command("list")
def list_deposits(
    status: Annotated[DepositStatus, typer.Option(help="Which deposits.")] = DepositStatus.UNMATCHED,
    dust: Annotated[bool, typer.Option("--dust", help="Those too small to be meant for anything.")] = False,
    page: Page = 1,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the unmatched deposits, newest first, with what each was perhaps meant for."""

    async def use(shop: Shop) -> None:
        desk = shop.services.deposit_desk
        found = await desk.listing(status, Paging(page=page, page_size=200), dust=dust)
        show([_row(waiting) for waiting in found.rows], as_json=as_json, spare=SPARE)

    with_shop(data_dir, use)


@app.command()
def credit(
    deposit: Number,
    fp: Fingerprint,
    reason: Reason,
    topup: Annotated[str | None, typer.Option(help="Its top-up; otherwise the nearest unpaid one.")] = None,
    once: Once = None,
    data_dir: DataDir = None,
) -> None:
    """Credit an unmatched deposit to a key's account: what arrived, once."""

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "credit", deposit, fp, topup)
        named = None if topup is None else TopupId(topup)
        desk = shop.services.deposit_desk
        record = (await desk.credit(DepositId(deposit), fp, word, topup=named)).fresh
        settled = f"; top-up {record.topup_id} is settled" if record.topup_id else ""
        out.print(f"{record.deposit.amount} USDT are credited to {fp}{settled}.")

    with_shop(data_dir, use)


@app.command("apply")
def apply_to_order(
    deposit: Number,
    order_id: Annotated[
        int, typer.Argument(metavar="ORDER", help="The website order's number.", min=1, max=limits.ID_MAX)
    ],
    reason: Reason,
    once: Once = None,
    data_dir: DataDir = None,
) -> None:
    """Let an unmatched deposit pay a website order that still awaits its payment."""

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "apply", deposit, order_id)
        website = shop.services.website
        record = (await website.apply(DepositId(deposit), OrderId(order_id), word)).fresh
        out.print(f"{record.deposit.amount} USDT pay order {order_id}.")

    with_shop(data_dir, use)


@app.command("return")
def send_back(deposit: Number, reason: Reason, once: Once = None, data_dir: DataDir = None) -> None:
    """Write down that you sent an unmatched deposit back to where it came from."""

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "return", deposit)
        record: DepositRecord = (await shop.services.deposit_desk.send_back(DepositId(deposit), word)).fresh
        out.print(f"Deposit {deposit}, {record.deposit.amount} USDT, is returned.")

    with_shop(data_dir, use)


@app.command()
def correct(
    deposit: Number, fp: Fingerprint, reason: Reason, once: Once = None, data_dir: DataDir = None
) -> None:
    """Put a wrong credit right: take it from who got it, and give it to the key's account."""

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "correct", deposit, fp)
        record = (await shop.services.deposit_desk.correct(DepositId(deposit), fp, word)).fresh
        out.print(f"{record.deposit.amount} USDT are taken back and credited to {fp}.")

    with_shop(data_dir, use)


@app.command()
def orphan(deposit: Number, reason: Reason, once: Once = None, data_dir: DataDir = None) -> None:
    """Take back a deposit that its chain took back, and freeze the account that was credited."""

    async def use(shop: Shop) -> None:
        word = instruction(reason, once, "orphan", deposit)
        done = (await shop.services.deposit_desk.orphan(DepositId(deposit), word)).fresh
        out.print(f"Deposit {deposit} is none any more: {done.taken} USDT taken back, {done.lost} USDT lost.")
        owner = done.record.account_id
        if owner is not None:
            fp = (await shop.services.queries.fingerprints([owner])).get(owner, "FP")
            out.print(f"Its account is frozen; when you have looked: ytmarket books unfreeze {fp}")

    with_shop(data_dir, use)


def _row(waiting: WaitingDeposit) -> dict[str, str]:
    record, deposit = waiting.record, waiting.record.deposit
    candidate = record.candidate_topup_id or record.candidate_order_id
    return {
        "id": str(record.id),
        "at": moment(deposit.at),
        "network": deposit.network,
        "amount": str(deposit.amount),
        "status": record.status,
        "reason": record.reason or "-",
        "perhaps for": "-" if candidate is None else str(candidate),
        "of key": waiting.candidate_fp or "-",
        "off by": "-" if record.distance is None else str(record.distance),
        "transaction": deposit.tx_hash,
    }
