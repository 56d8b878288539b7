"""Every route with every kind of credential: a new route fails until somebody says whom it is for."""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import pytest
from starlette.routing import Route

from tests.http.shop import HOME, METRICS_TOKEN, TOKEN, World, open_world
from ytmarket.adapters.http.endpoint import Endpoint
from ytmarket.domain.api_keys import parse_range


class Side(Enum):
    """For whom a path is."""

    CLIENTS = "clients"
    OPERATORS = "operators"
    EVERYBODY = "everybody"  # needs no credential, and takes none
    WATCHERS = "watchers"  # loopback, or whoever holds the metrics' token
    NOBODY = "nobody"


SIDES: Final = {
    "/api/v1/orders": Side.CLIENTS,
    "/api/v1/orders/{id}": Side.CLIENTS,
    "/api/v1/balance": Side.CLIENTS,
    "/api/v1/products": Side.CLIENTS,
    "/api/v1/products/{id}": Side.CLIENTS,
    "/api/v1/balance/topup": Side.CLIENTS,
    "/api/v1/balance/topup/{id}": Side.CLIENTS,
    "/api/v1/balance/topups": Side.CLIENTS,
    "/api/v1/balance/transactions": Side.CLIENTS,
    "/api/v1/deposits": Side.CLIENTS,
    "/api/v1/usage": Side.CLIENTS,
    "/api/v1/categories": Side.CLIENTS,
    "/api/v1/health": Side.CLIENTS,
    "/api/v1/{path:path}": Side.CLIENTS,
    "/api/openapi.json": Side.EVERYBODY,
    "/api/docs": Side.EVERYBODY,
    "/api/docs/app.js": Side.EVERYBODY,
    "/api/docs/postman_collection.json": Side.EVERYBODY,
    "/api/docs/style.css": Side.EVERYBODY,
    "/api/devnet/transfers": Side.EVERYBODY,
    "/api/devnet/supplier": Side.EVERYBODY,
    "/api/admin/api-keys": Side.OPERATORS,
    "/api/admin/api-keys/{fp}/revoke": Side.OPERATORS,
    "/api/admin/api-keys/{fp}/rotate-secret": Side.OPERATORS,
    "/api/admin/api-keys/{fp}/replace": Side.OPERATORS,
    "/api/admin/api-keys/{fp}/credit": Side.OPERATORS,
    "/api/admin/api-keys/{fp}/ip-whitelist": Side.OPERATORS,
    "/api/admin/deposits": Side.OPERATORS,
    "/api/admin/deposits/{id}/credit": Side.OPERATORS,
    "/api/admin/deposits/{id}/apply": Side.OPERATORS,
    "/api/admin/deposits/{id}/correct": Side.OPERATORS,
    "/api/admin/deposits/{id}/return": Side.OPERATORS,
    "/api/admin/deposits/{id}/orphan": Side.OPERATORS,
    "/api/admin/webhooks/{event_id}/resend": Side.OPERATORS,
    "/api/admin/api-audit": Side.OPERATORS,
    "/api/admin/products/{id}": Side.OPERATORS,
    "/api/admin/products/{id}/stock": Side.OPERATORS,
    "/api/admin/orders": Side.OPERATORS,
    "/api/admin/orders/{id}": Side.OPERATORS,
    "/api/admin/orders/{id}/cancel": Side.OPERATORS,
    "/api/admin/website-orders": Side.OPERATORS,
    "/api/admin/website-orders/{id}": Side.OPERATORS,
    "/api/admin/website-orders/{id}/refund-paid": Side.OPERATORS,
    "/api/admin/marketplace-orders": Side.OPERATORS,
    "/api/admin/{path:path}": Side.OPERATORS,
    "/livez": Side.EVERYBODY,
    "/readyz": Side.EVERYBODY,
    "/metrics": Side.WATCHERS,
    "/{path:path}": Side.NOBODY,
}
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
GUESSES: Final = ("", "ytm_wrong", "' or 1=1 --", "\xff" * 40, "x" * 10_000)
CLOSED: Final = {
    "invalid_api_key": 401,
    "invalid_admin_token": 401,
    "invalid_metrics_token": 401,
    "ip_not_allowed": 403,
}

Headers = dict[bytes, bytes]


def routes(world: World) -> Iterator[Route]:
    for route in world.app().routes:
        assert isinstance(route, Route), f"{route} is no Route: teach this test how to walk it"
        yield route


def methods_of(route: Route) -> set[str]:
    return set(route.endpoint.handlers) if isinstance(route.endpoint, Endpoint) else set(route.methods or ())


def concrete(path: str) -> str:
    """The path with something in the place of each parameter."""
    filled = path.replace("{path:path}", "nowhere")
    for name in ("id", "fp", "event_id"):
        filled = filled.replace(f"{{{name}}}", "1")
    assert "{" not in filled, f"say what stands for the parameter in {path}"
    return filled


def as_key(text: str) -> Headers:
    return {b"x-api-key": text.encode("latin-1")}


def as_token(text: str) -> Headers:
    return {b"authorization": b"Bearer " + text.encode("latin-1")}


async def credentials(world: World) -> dict[str, tuple[Side | None, Headers]]:
    """Each kind with the side that it opens; None: it opens nothing."""
    customer, signing, leaked = await world.mint(), await world.mint(secret=True), await world.mint()
    elsewhere = await world.mint(allowed=[parse_range("203.0.113.0/24", "")])
    await world.services.api_keys.revoke(leaked.record.fp, world.actor)
    assert signing.secret is not None
    nothing: list[tuple[str, Headers]] = [
        ("none", {}),
        ("a revoked key", as_key(leaked.key)),
        ("a key from another address", as_key(elsewhere.key)),
        ("a key's fingerprint", as_key(customer.record.fp)),
        ("a secret as a key", as_key(signing.secret)),
        ("an admin token as a key", as_key(TOKEN)),
        ("a customer's key as a token", as_token(customer.key)),
        ("a secret as a token", as_token(signing.secret)),
        ("a fingerprint as a token", as_token(customer.record.fp)),
        ("the metrics' token as a key", as_key(METRICS_TOKEN)),
        ("a token with the wrong scheme", {b"authorization": b"Basic " + TOKEN.encode()}),
        ("a token in a cookie", {b"cookie": b"authorization=" + TOKEN.encode()}),
        *((f"guess {guess[:12]!r}", as_key(guess) | as_token(guess)) for guess in GUESSES),
    ]
    opening: dict[str, tuple[Side | None, Headers]] = {
        "a customer's key": (Side.CLIENTS, as_key(customer.key)),
        "a key that signs": (Side.CLIENTS, as_key(signing.key)),
        "an admin token": (Side.OPERATORS, as_token(TOKEN)),
        "a key beside a wrong token": (Side.CLIENTS, as_key(customer.key) | as_token(customer.key)),
        "the metrics' token": (Side.WATCHERS, as_token(METRICS_TOKEN)),
        "a token beside a wrong key": (Side.OPERATORS, as_token(TOKEN) | as_key(TOKEN)),
    }
    return {**{name: (None, headers) for name, headers in nothing}, **opening}


def test_every_route_is_classified_and_no_other() -> None:
    assert {route.path for route in routes(open_world())} == set(SIDES)


def test_each_side_has_its_own_part_of_the_tree() -> None:
    for path, side in SIDES.items():
        if side in {Side.CLIENTS, Side.OPERATORS}:
            assert path.startswith("/api/v1/" if side is Side.CLIENTS else "/api/admin/")


@pytest.mark.parametrize("path", SIDES)
async def test_a_credential_opens_its_own_side_and_nothing_else(path: str) -> None:
    world = open_world(limit=10_000, refusals=10_000)
    kinds = await credentials(world)
    side = SIDES[path]
    (route,) = [route for route in routes(world) if route.path == path]
    async with world.client() as client:
        for name, (opens, headers) in kinds.items():
            for method in METHODS:
                response = await client.request(method, concrete(path), headers=headers)
                case = f"{method} {path} with {name}: {response.status_code}"
                code = code_of(response, method)
                if side in {Side.CLIENTS, Side.OPERATORS, Side.WATCHERS} and opens is not side:
                    assert response.status_code in set(CLOSED.values()), case
                    assert code in {None, *CLOSED}, case
                elif side is Side.NOBODY:
                    assert response.status_code == 404, case
                elif path.endswith("{path:path}"):
                    # A key that signs is asked for its signature before it is told anything.
                    assert response.status_code == 404 or code == "invalid_signature", case
                elif method in methods_of(route) and not (method == "POST" and code == "invalid_signature"):
                    assert code not in {*CLOSED, "path_not_found", "method_not_allowed"}, case


async def test_without_a_token_configured_there_is_no_operators_side() -> None:
    world = open_world(refusals=10_000)
    kinds = await credentials(world)
    app = world.app(tokens=False)
    async with world.client(app=app, address=HOME) as client:
        for path in [path for path, side in SIDES.items() if side is Side.OPERATORS]:
            for _, headers in kinds.values():
                for method in METHODS:
                    assert (await client.request(method, concrete(path), headers=headers)).status_code == 404


def code_of(response: Any, method: str) -> str | None:
    """The problem's code, where there is a body to tell it."""
    if method == "HEAD" or not response.headers.get("content-type", "").startswith("application/problem"):
        return None
    code: str = response.json()["code"]
    return code
