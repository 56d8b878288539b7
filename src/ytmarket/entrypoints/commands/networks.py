"""`ytmarket networks`: how each network is read, and what is done about what was missed or differs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ytmarket.application.coverage import Rereading
from ytmarket.application.deposits import NotSettled
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainRateLimited,
    ChainReader,
    ChainUnavailable,
)
from ytmarket.application.ports.networks import NetworkState
from ytmarket.domain import limits
from ytmarket.domain.coverage import Gap, Span, gaps_between
from ytmarket.domain.errors import Conflict
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.terminal import (
    AsJson,
    DataDir,
    Reason,
    actor,
    err,
    moment,
    out,
    show,
    stop,
    with_shop,
)

app = typer.Typer(help="How each network is read.", invoke_without_command=True)

ATTEMPTS_MAX: Final = 6
WAIT_MAX: Final = 600
FINALITY_PAUSE: Final = 5
GAPS_SHOWN_MAX: Final = 3
SPARE: Final = ("wallet", "last success", "covered")


@app.callback()
def list_networks(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the networks: how far each is read, what keeps it from that, and what was left out."""
    if context.invoked_subcommand is not None:
        return

    async def use(shop: Shop) -> None:
        queries, now = shop.services.queries, shop.services.clock.now()
        rows = []
        for state in await queries.network_states():
            covered = await queries.coverage(state.network, state.wallet)
            rows.append(_row(state, [one.span for one in covered], now))
        show(rows, as_json=as_json, prose=("trouble", "gaps"), spare=SPARE)

    with_shop(data_dir, use)


@app.command()
def rescan(
    network: Annotated[Network, typer.Argument(help="Which network.")],
    first: Annotated[
        int,
        typer.Option(
            "--from", help="The first block (slot, logical time) to read once more.", min=1, max=limits.ID_MAX
        ),
    ],
    restart: Annotated[
        bool, typer.Option("--restart", help="Where reading has stopped: let it go on from the end of this.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Read a network once more, beside whoever reads it: what was missed is kept, nothing twice."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()

    async def use(shop: Shop) -> None:
        reader = _reader(shop, network)
        try:
            rereading = await shop.services.coverage.rescan(reader, first, actor(), restart=restart)
            total = None if rereading.last is None else max(rereading.last - first + 1, 0)
            with Progress(*columns, console=err, transient=True) as progress:
                task = progress.add_task(f"reading {network}", total=total)
                while not rereading.is_done:
                    await _step(rereading)
                    waits = "waiting for what is not final yet" if rereading.waits else f"reading {network}"
                    progress.update(task, completed=rereading.reached - first + 1, description=waits)
        finally:
            await reader.close()
        out.print(_outcome(rereading))
        try:
            while await shop.services.deposits.settle_due():
                pass
        except NotSettled as trouble:
            stop(
                f"{trouble} is kept, but the books refuse it ({trouble.__cause__}); it is tried again with"
                " every round of the scanner, and `ytmarket verify` tells more"
            )

    with_shop(data_dir, use)


@app.command()
def accept(
    network: Annotated[Network, typer.Argument(help="Which network.")],
    reason: Reason,
    data_dir: DataDir = None,
) -> None:
    """Where chain and books differ for a reason that is known: let the next comparison open anew."""

    async def use(shop: Shop) -> None:
        wallet = _reader(shop, network).wallet
        try:
            await shop.services.reconciliation.accept(actor(), network, wallet, reason)
        except Conflict:
            stop(f"chain and books of {network} have not agreed yet, so there is no difference to accept")
        out.print(f"What {network} holds at its next comparison is taken for the truth.")

    with_shop(data_dir, use)


async def _step(rereading: Rereading) -> None:
    """Read a page, with patience for nodes that are busy or away for a moment."""
    if rereading.waits:
        await asyncio.sleep(FINALITY_PAUSE)
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            await rereading.step()
        except (ChainUnavailable, ChainBehind) as trouble:
            if attempt == ATTEMPTS_MAX:
                trouble.add_note(f"it can be gone on with: --from {rereading.reached + 1}")
                raise
            asked = trouble.retry_after if isinstance(trouble, ChainRateLimited) else None
            await asyncio.sleep(min(asked or 2**attempt, WAIT_MAX))
        else:
            return


def _reader(shop: Shop, network: Network) -> ChainReader:
    found = next((reader for reader in shop.readers if reader.network is network), None)
    if found is None:
        stop(f"this shop does not read {network}: set its wallet and its nodes (see `ytmarket settings`)")
    return found


def _outcome(rereading: Rereading) -> str:
    read = (
        "There was nothing to read."
        if rereading.reached < rereading.first
        else f"{rereading.first} to {rereading.reached} were read once more."
    )
    missed = {0: "Nothing", 1: "1 deposit"}.get(rereading.found, f"{rereading.found} deposits")
    goes_on = " Reading goes on from there." if rereading.has_restarted else ""
    return f"{read} {missed} had been missed.{goes_on}"


def _row(state: NetworkState, spans: Sequence[Span], now: datetime) -> dict[str, str]:
    lag = "-" if state.read_until is None else f"{max(0, int((now - state.read_until).total_seconds()))} s"
    return {
        "network": state.network.value,
        "wallet": state.wallet,
        "read until": moment(state.read_until),
        "lag": lag,
        "last success": moment(state.last_success),
        "trouble": _trouble(state),
        "covered": f"{spans[0].first} to {spans[-1].last}" if spans else "-",
        "gaps": _gaps(gaps_between(spans)),
    }


def _trouble(state: NetworkState) -> str:
    if state.trouble is None:
        return "-"
    return f"stopped: {state.trouble}" if state.stopped else state.trouble


def _gaps(gaps: Sequence[Gap]) -> str:
    if not gaps:
        return "-"
    shown = [f"{gap.first} to {gap.last}" for gap in gaps[:GAPS_SHOWN_MAX]]
    more = len(gaps) - len(shown)
    return ", ".join([*shown, f"{more} more"] if more else shown)
