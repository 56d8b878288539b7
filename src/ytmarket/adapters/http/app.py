"""The HTTP side of the shop as one Starlette app, which can be mounted in another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Lifespan

from ytmarket.adapters.http.admission import ClientRequest, admit_client, refuse_path, use_signature
from ytmarket.adapters.http.docs import routes as docs
from ytmarket.adapters.http.door import Door, Pace
from ytmarket.adapters.http.endpoint import Admit, Endpoint, Handler
from ytmarket.adapters.http.exchange import ANSWER_SECONDS, Exchange
from ytmarket.adapters.http.holder import ShopHolder
from ytmarket.adapters.http.operators import OperatorRequest, admit_operator, refuse_operator_path
from ytmarket.adapters.http.refusals import MethodNotAllowed, PathNotFound
from ytmarket.adapters.http.routes import (
    balance,
    catalog,
    deposits,
    devnet,
    health,
    metrics,
    orders,
    probes,
    topups,
)
from ytmarket.adapters.http.routes.admin import api_keys, audit, website
from ytmarket.adapters.http.routes.admin import deposits as admin_deposits
from ytmarket.adapters.http.routes.admin import orders as admin_orders
from ytmarket.adapters.http.routes.admin import products as admin_products
from ytmarket.adapters.http.routes.admin import webhooks as admin_webhooks
from ytmarket.adapters.http.routing import App, LastRoute, Route
from ytmarket.adapters.http.watching import AccessLog, Watch
from ytmarket.domain.api_keys import AddressRange

__all__ = ["ShopHolder", "build_app"]

C = TypeVar("C")


def build_app(
    *,
    holder: ShopHolder,
    lifespan: Lifespan[Starlette] | None = None,
    admin_tokens: Mapping[str, str] | None = None,
    trusted_proxies: Sequence[AddressRange] = (),
    metrics_token: str | None = None,
    access_log: AccessLog | None = None,
    pace: Pace | None = None,
) -> Starlette:
    """The app. *holder* has the services once *lifespan*, or whoever mounts the app, has opened them.

    *admin_tokens* are bearer tokens by the name under which their acts are recorded; without one
    there is no admin API. X-Forwarded-For is believed from *trusted_proxies* alone. *metrics_token*
    opens /metrics; without one only loopback reads it. *access_log* hears of every request.
    *pace* is what the docs page tells of the workers.
    """
    door = Door(
        holder=holder,
        trusted_proxies=tuple(trusted_proxies),
        operators=dict(admin_tokens or {}),
        watch=Watch(access_log=access_log),
        metrics_token=metrics_token,
        pace=pace or Pace(),
    )
    routes = [
        *_client_routes(door),
        *_docs_routes(door),
        *_devnet_routes(door),
        *_admin_routes(door),
        *_watching_routes(door),
        _no_route(door),
    ]
    return App(routes=routes, lifespan=lifespan)


def _docs_routes(door: Door) -> list[BaseRoute]:
    def route(path: str, show: Handler[docs.Reader]) -> Route:
        handlers = {"GET": show}
        endpoint = Endpoint(
            door=door,
            admit=docs.admit_reader,
            handlers=handlers,
            otherwise=_wrong_method(handlers),
            cache_control=docs.ALWAYS_ASKED,
        )
        return Route(f"/api{path}", endpoint)

    return [
        route("/docs", docs.show_page),
        route("/docs/style.css", docs.show_style),
        route("/docs/app.js", docs.show_script),
        route("/docs/postman_collection.json", docs.show_postman),
        route("/openapi.json", docs.show_openapi),
    ]


def _client_routes(door: Door) -> list[BaseRoute]:
    """The most used come first, because routes are tried in turn."""

    def route(path: str, **handlers: Handler[ClientRequest]) -> Route:
        endpoint = Endpoint(
            door=door, admit=admit_client, handlers=handlers, otherwise=_wrong_method(handlers, use_signature)
        )
        return Route(f"/api/v1{path}", endpoint)

    return [
        route("/orders", POST=orders.place_order, GET=orders.list_orders),
        route("/balance", GET=balance.show_balance),
        route("/products", GET=catalog.list_products),
        route("/orders/{id}", GET=orders.show_order),
        route("/products/{id}", GET=catalog.show_product),
        route("/balance/topup", POST=topups.open_topup),
        route("/balance/topup/{id}", GET=topups.show_topup),
        route("/balance/topups", GET=topups.list_topups),
        route("/balance/transactions", GET=balance.list_transactions),
        route("/deposits", GET=deposits.list_deposits),
        route("/usage", GET=balance.show_usage),
        route("/categories", GET=catalog.list_categories),
        route("/health", GET=health.show_health),
        _rest_of("/api/v1", door, admit_client, refuse_path),
    ]


def _admin_routes(door: Door) -> list[BaseRoute]:
    def route(path: str, *, seconds: float = ANSWER_SECONDS, **handlers: Handler[OperatorRequest]) -> Route:
        endpoint = Endpoint(
            door=door,
            admit=admit_operator,
            handlers=handlers,
            otherwise=_wrong_method(handlers),
            answer_seconds=seconds,
        )
        return Route(f"/api/admin{path}", endpoint)

    return [
        route("/api-keys", POST=api_keys.mint_key, GET=api_keys.list_keys),
        route("/api-keys/{fp}/revoke", POST=api_keys.revoke_key),
        route("/api-keys/{fp}/rotate-secret", POST=api_keys.rotate_secret),
        route("/api-keys/{fp}/replace", POST=api_keys.replace_key),
        route("/api-keys/{fp}/credit", POST=api_keys.credit_key),
        route("/api-keys/{fp}/ip-whitelist", PUT=api_keys.put_whitelist),
        route("/deposits", GET=admin_deposits.list_deposits),
        route("/deposits/{id}/credit", POST=admin_deposits.credit_deposit),
        route("/deposits/{id}/apply", POST=website.apply_deposit),
        route("/deposits/{id}/correct", POST=admin_deposits.correct_deposit),
        route("/deposits/{id}/return", POST=admin_deposits.return_deposit),
        route("/deposits/{id}/orphan", POST=admin_deposits.orphan_deposit),
        route("/webhooks/{event_id}/resend", POST=admin_webhooks.resend_webhook),
        route("/api-audit", GET=audit.list_audit),
        route("/products/{id}", PUT=admin_products.put_product),
        route(
            "/products/{id}/stock",
            POST=admin_products.add_stock,
            seconds=admin_products.STOCK_SECONDS,
        ),
        route("/orders", GET=admin_orders.list_orders),
        route("/orders/{id}", GET=admin_orders.show_order),
        route("/orders/{id}/cancel", POST=admin_orders.cancel_order),
        route("/website-orders", POST=website.open_website_order),
        route("/website-orders/{id}", GET=website.show_website_order),
        route("/website-orders/{id}/refund-paid", POST=website.pay_website_refund),
        route("/marketplace-orders", POST=website.take_marketplace_order),
        _rest_of("/api/admin", door, admit_operator, refuse_operator_path),
    ]


def _devnet_routes(door: Door) -> list[BaseRoute]:
    def route(path: str, **handlers: Handler[devnet.DevnetRequest]) -> Route:
        endpoint = Endpoint(
            door=door, admit=devnet.admit_player, handlers=handlers, otherwise=_wrong_method(handlers)
        )
        return Route(f"/api/devnet{path}", endpoint)

    return [
        route("/transfers", POST=devnet.send_transfer),
        route("/supplier", POST=devnet.set_supplier),
    ]


def _watching_routes(door: Door) -> list[BaseRoute]:
    """For whoever runs the shop, outside the clients' API."""

    def route(path: str, admit: Admit[C], show: Handler[C]) -> Route:
        handlers = {"GET": show}
        endpoint = Endpoint(door=door, admit=admit, handlers=handlers, otherwise=_wrong_method(handlers))
        return Route(path, endpoint)

    return [
        route("/livez", probes.admit_prober, probes.show_life),
        route("/readyz", probes.admit_prober, probes.show_readiness),
        route("/metrics", metrics.admit_watcher, metrics.show_metrics),
    ]


def _no_route(door: Door) -> Route:
    async def admit_nobody(_door: Door, _exchange: Exchange) -> None:
        raise PathNotFound

    async def never(_: None) -> Response:
        raise PathNotFound

    endpoint = Endpoint(door=door, admit=admit_nobody, handlers={}, otherwise=never)
    return LastRoute(endpoint)


def _rest_of(prefix: str, door: Door, admit: Admit[C], refuse: Handler[C]) -> Route:
    """All paths under the prefix that lead nowhere: who asks is still settled first."""
    return Route(f"{prefix}/{{path:path}}", Endpoint(door=door, admit=admit, handlers={}, otherwise=refuse))


def _wrong_method(
    handlers: Mapping[str, Handler[Any]], before: Callable[[C], Awaitable[None]] | None = None
) -> Handler[C]:
    """Names the methods that the path takes, having done what is due *before*."""
    allow = tuple(sorted(handlers.keys() | ({"HEAD"} if "GET" in handlers else set())))

    async def refuse(request: C) -> Response:
        if before is not None:
            await before(request)
        raise MethodNotAllowed(allow=allow)

    return refuse
