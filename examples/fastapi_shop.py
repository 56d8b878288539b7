"""A FastAPI app whose own users buy from the shop, with the shop's API for machines mounted under /shop.

`python examples/fastapi_shop.py`, then open http://127.0.0.1:8000/docs; ann's password is `correct horse`.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

from ytmarket.adapters.http import problems
from ytmarket.application.audit import Actor
from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.queries import Paging
from ytmarket.application.requests import Origin
from ytmarket.application.services import Services
from ytmarket.application.topups import OpenTopup
from ytmarket.domain import (
    AccountId,
    ApiKeyId,
    Attempt,
    Network,
    OrderId,
    PlaceOrder,
    ProductId,
    Usdt,
    limits,
)
from ytmarket.domain.catalog import ProductFilter
from ytmarket.domain.errors import Refused
from ytmarket.domain.shop import OrderRequest
from ytmarket.entrypoints.asgi import create_app
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.settings import Settings

PASSWORDS = {"ann": "correct horse", "bob": "battery staple"}  # your own way to sign in stands here


class Users:
    """Your table of users: beside each name stands the account that the shop keeps for it."""

    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows = rows
        self._rows.execute("create table if not exists users (name primary key, account int, api_key int)")
        self._one_at_a_time = asyncio.Lock()

    async def customer(self, name: str, services: Services) -> Origin:
        """The user as the shop knows it; an account is opened at the first visit."""
        async with self._one_at_a_time:
            found = self._rows.execute("select account, api_key from users where name = ?", [name]).fetchone()
            if found is None:
                key = (await services.api_keys.mint(name, Actor("web"), with_secret=False)).record
                found = (key.account_id, key.id)
                with self._rows:
                    self._rows.execute("insert into users values (?, ?, ?)", [name, *found])
        return Origin(account_id=AccountId(found[0]), api_key_id=ApiKeyId(found[1]))


def signed_in(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    known = PASSWORDS.get(given.username, "")
    if not known or not secrets.compare_digest(known.encode(), given.password.encode()):
        raise HTTPException(401, "no such user or password", {"WWW-Authenticate": "Basic"})
    return given.username


def open_services(request: Request) -> Services:
    shop: Shop = request.app.state.shop
    return shop.services


Open = Annotated[Services, Depends(open_services)]


async def signed_in_customer(
    request: Request, services: Open, name: Annotated[str, Depends(signed_in)]
) -> Origin:
    users: Users = request.app.state.users
    return await users.customer(name, services)


Customer = Annotated[Origin, Depends(signed_in_customer)]


Money = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]


class TopupForm(BaseModel):
    amount: Money
    network: Network


class OrderForm(BaseModel):
    product: Number
    quantity: Annotated[int, Field(ge=limits.QUANTITY_MIN, le=limits.QUANTITY_MAX)]
    at_most: Money | None = None


web = APIRouter()


@web.get("/products")
async def list_products(services: Open) -> list[dict[str, Any]]:
    found = await services.reading.products(ProductFilter(), Paging(page=1, page_size=100))
    return [{"id": row.id, "title": row.title, "price": str(row.price)} for row in found.rows]


@web.get("/me")
async def show_balance(services: Open, customer: Customer) -> dict[str, str]:
    totals = await services.reading.totals(customer.account_id)
    return {"balance": str(totals.balance)}


@web.post("/me/topups")
async def open_topup(form: TopupForm, services: Open, customer: Customer) -> dict[str, Any]:
    """Which amount to send where, and until when."""
    wanted = OpenTopup(amount=Usdt.of(form.amount), network=form.network)
    topup = (await services.topups.open(customer, wanted)).topup
    assert topup is not None, "without an attempt there is nothing to replay"
    return {"send": str(topup.amount), "to": topup.address, "before": topup.expires_at}


@web.post("/me/orders")
async def buy(
    form: OrderForm,
    request: Request,
    services: Open,
    customer: Customer,
    idempotency_key: Annotated[str, Header()],
) -> Response:
    """Charged once for each Idempotency-Key, however often the browser sends the form."""
    order = OrderRequest(
        account_id=customer.account_id,
        api_key_id=customer.api_key_id,
        attempt=Attempt.of(idempotency_key, request.url.path, await request.body()),
        command=PlaceOrder(
            product_id=ProductId(form.product),
            quantity=form.quantity,
            max_price=None if form.at_most is None else Usdt.of(form.at_most),
        ),
    )
    answer = await services.order_desk.place(order)
    return Response(answer.body, media_type="application/json")


@web.get("/me/orders/{number}")
async def show_order(number: Number, services: Open, customer: Customer) -> dict[str, Any]:
    found = await services.reading.order(customer.account_id, OrderId(number))
    goods = [content.decode() for content in found.items]
    return {"status": found.order.status, "price": str(found.order.price), "goods": goods}


async def refuse(_: Request, trouble: Exception) -> Response:
    """In the shop's own words, as problem details; here you may find words of your own."""
    return problems.response(trouble, request_id=secrets.token_hex(8), root_path="/shop")


def build(settings: Settings | None = None, users: Path = Path("users.sqlite")) -> FastAPI:
    """Your app with the shop in it; without settings the shop reads them from the environment."""

    @asynccontextmanager
    async def lend(shop: Shop) -> AsyncIterator[None]:
        app.state.shop = shop
        yield

    shop = create_app(settings, on_open=lend)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with shop.router.lifespan_context(shop):
            with closing(sqlite3.connect(users)) as rows:
                app.state.users = Users(rows)
                yield

    app = FastAPI(title="Ann's corner shop", lifespan=lifespan)
    app.include_router(web)
    for kind in (Refused, Unavailable):
        app.add_exception_handler(kind, refuse)
    app.mount("/shop", shop)
    return app


if __name__ == "__main__":
    # Without a wallet this is devnet, which gives its money away: keep it on loopback.
    uvicorn.run(build(), host="127.0.0.1", port=8000)
