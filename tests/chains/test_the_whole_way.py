"""From a top-up over HTTP to a balance, on every network: a real server, and a payment that was executed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import attrs
import httpx2
import pytest

from tests.acceptance.server import Server
from tests.chains.optional import require

require("web3", "evm")
require("tronpy", "tron")
require("solders", "solana")
require("pytonlib", "ton")

from tests.chains.tills import Till, tills, ton_till
from ytmarket.domain.money import CENT, Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.asgi import create_app
from ytmarket.entrypoints.demo import served
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.postgres import temporary_data_dir

TOKEN = "the-whole-way-operator"
SHOP = {"YTMARKET_ADMIN_TOKEN": TOKEN, "YTMARKET_RATE_LIMIT": "100000", "YTMARKET_SCAN_SECONDS": "0.3"}
SCANS = 2
"""After a payment has become final, it is credited within so many."""

pytestmark = pytest.mark.anyio


@attrs.frozen
class Customer:
    """Somebody with a key of its own."""

    http: httpx2.AsyncClient
    key: str

    async def ask(self, path: str, **parameters: str) -> Any:
        return told(await self.http.get(f"/api/v1{path}", params=parameters, headers={"X-API-Key": self.key}))

    async def open_topup(self, amount: int, network: Network) -> Any:
        """As soon as the shop takes payments on this network: when it has begun to read it."""
        body = {"amount_usdt": amount, "network": network}
        headers = {"X-API-Key": self.key}
        for _ in range(600):
            answer = await self.http.post("/api/v1/balance/topup", json=body, headers=headers)
            if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE:
                return told(answer)
            await asyncio.sleep(0.1)
        raise AssertionError(f"{network} takes no payments")

    async def balance(self) -> Usdt:
        return Usdt.of((await self.ask("/balance"))["balance_usdt"])

    async def deposits(self, tx_hash: str) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = (await self.ask("/deposits", tx=tx_hash))["items"]
        return items


@attrs.frozen(kw_only=True)
class Journey:
    """What was seen on one network."""

    topup: Mapping[str, Any]
    early: Mapping[str, Any]
    """The top-up when the payment had been executed and was not final yet."""

    credited: Mapping[str, Any]
    balance: Usdt
    wrong: Mapping[str, Any]
    """What became of the deposit that was two cents more."""


def told(answer: httpx2.Response) -> Any:
    assert answer.is_success, f"{answer.status_code}: {answer.text}"
    return json.loads(answer.content, parse_float=Decimal)


async def new_customer(http: httpx2.AsyncClient, label: str) -> Customer:
    body = {"label": label, "with_secret": False, "ip_whitelist": []}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    minted = told(await http.post("/api/admin/api-keys", json=body, headers=headers))
    return Customer(http, minted["key"])


async def travel(http: httpx2.AsyncClient, till: Till) -> Journey:
    """A customer tops up on this network, as the reference says it is done."""
    customer = await new_customer(http, str(till.network))
    topup = await customer.open_topup(25, till.network)
    assert topup["payment_address"] == till.world.reader().wallet
    amount = Usdt.of(topup["amount_usdt"])
    wrong = await till.world.pay(amount + CENT * 2)
    right = await till.world.pay(amount)
    await till.gate.readings(2)
    early = await customer.ask(f"/balance/topup/{topup['topup_id']}")
    assert await customer.deposits(right) == []
    await till.world.settle()
    till.gate.left = SCANS
    credited = await changed(customer, topup["topup_id"])
    till.gate.left = None
    (deposit,) = await settled(customer, wrong)
    return Journey(
        topup=topup, early=early, credited=credited, balance=await customer.balance(), wrong=deposit
    )


async def changed(customer: Customer, topup_id: str) -> Mapping[str, Any]:
    """The top-up when it is no longer awaited, or when patience is at its end."""
    for _ in range(400):
        topup: Mapping[str, Any] = await customer.ask(f"/balance/topup/{topup_id}")
        if topup["status"] != "pending":
            return topup
        await asyncio.sleep(0.05)
    raise AssertionError(f"not credited within {SCANS} scans after it was final")


async def settled(customer: Customer, tx_hash: str) -> list[Mapping[str, Any]]:
    for _ in range(400):
        items = await customer.deposits(tx_hash)
        if items and items[0]["status"] != "received":
            return items
        await asyncio.sleep(0.05)
    raise AssertionError(f"{tx_hash} was not settled")


@asynccontextmanager
async def shop_on(tills: Mapping[Network, Till], data_dir: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A server process that reads these networks."""
    settings = {name: value for till in tills.values() for name, value in till.settings.items()}
    server = Server(data_dir, settings=SHOP | settings, demo=False)
    # In a thread: the chains are served by this loop, and the server asks them while it starts.
    await anyio.to_thread.run_sync(server.start)
    try:
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http:
            yield http
    finally:
        await anyio.to_thread.run_sync(server.stop)


@asynccontextmanager
async def shop_here(till: Till, data_dir: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The same server in this process, for the one network that no other process can read."""
    app = create_app(Settings.from_environment({**SHOP, **till.settings, "YTMARKET_DATA_DIR": str(data_dir)}))
    async with served(app) as url, httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        yield http


@pytest.fixture(scope="module")
async def journeys(
    anvil_program: Path, ton_sandbox: TonSandbox
) -> AsyncIterator[Mapping[Network, asyncio.Task[Journey]]]:
    """All networks at once, for most of a journey is waiting."""
    async with AsyncExitStack() as stack:
        opened = {
            network: await stack.enter_async_context(till) for network, till in tills(anvil_program).items()
        }
        data_dirs = [stack.enter_context(temporary_data_dir(in_memory=True)) for _ in range(2)]
        http = await stack.enter_async_context(shop_on(opened, data_dirs[0]))
        tasks = {network: asyncio.create_task(travel(http, till)) for network, till in opened.items()}
        ton = await stack.enter_async_context(ton_till(ton_sandbox))
        http = await stack.enter_async_context(shop_here(ton, data_dirs[1]))
        tasks[Network.TON] = asyncio.create_task(travel(http, ton))
        yield tasks
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("network", Network)
async def test_what_was_paid_is_credited_two_scans_after_it_is_final(
    journeys: Mapping[Network, asyncio.Task[Journey]], network: Network
) -> None:
    journey = await journeys[network]
    assert journey.early["status"] == "pending"
    assert journey.credited["status"] == "credited_auto"
    assert journey.balance == Usdt.of(journey.topup["amount_usdt"])


@pytest.mark.parametrize("network", Network)
async def test_two_cents_more_are_nobodys(
    journeys: Mapping[Network, asyncio.Task[Journey]], network: Network
) -> None:
    journey = await journeys[network]
    assert (journey.wrong["status"], journey.wrong["reason"]) == ("unmatched", "over")
    assert journey.wrong["candidate_topup_id"] == journey.topup["topup_id"]
