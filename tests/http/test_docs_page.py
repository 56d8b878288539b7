"""The docs page: nothing of the code is missing on it, and nothing of it leads nowhere."""

import hashlib
import hmac
import json
import re
import time
from collections import Counter
from copy import copy
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import httpx2
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.http.shop import open_world
from ytmarket.adapters.http import problems, refusals, samples
from ytmarket.adapters.http.app import ShopHolder, build_app
from ytmarket.adapters.http.docs import facts
from ytmarket.adapters.http.door import Pace
from ytmarket.adapters.http.openapi import OPERATIONS, document
from ytmarket.adapters.http.wire.bodies import _custom
from ytmarket.adapters.http.wire.orders import EventView
from ytmarket.adapters.http.wire.topups import TopupView
from ytmarket.application import errors as application_errors
from ytmarket.domain import errors, limits, pricing, signatures
from ytmarket.domain.catalog import MinimumTerms
from ytmarket.domain.errors import Refused
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import MOVES, OrderStatus, RefundStatus
from ytmarket.domain.shop import OrderTerms
from ytmarket.entrypoints.asgi import create_app
from ytmarket.entrypoints.settings import Settings


@attrs.define
class Page(HTMLParser):
    """The ids, links and texts of a page."""

    ids: list[str] = attrs.field(factory=list)
    links: list[str] = attrs.field(factory=list)
    sources: list[str] = attrs.field(factory=list)
    inline: list[str] = attrs.field(factory=list)
    headings: list[int] = attrs.field(factory=list)
    blocks: dict[str, str] = attrs.field(factory=dict)
    text: str = ""
    _block: str | None = None

    def __attrs_pre_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given.get("href")))
        if tag in {"script", "link", "img"}:
            self.sources.append(str(given.get("src") or given.get("href")))
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.inline.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "pre":
            self._block = str(given.get("aria-label"))
            self.blocks[self._block] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._block = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._block is not None:
            self.blocks[self._block] += data


async def read(app: Starlette | None = None, path: str = "/api/docs", **headers: str) -> httpx2.Response:
    world = open_world()
    async with world.client(app=app) as client:
        return await client.get(
            path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )


async def page(app: Starlette | None = None) -> Page:
    found = Page()
    answer = await read(app)
    assert answer.status_code == 200
    found.feed(answer.text)
    return found


def kinds_of(root: type) -> set[type]:
    return {root}.union(*map(kinds_of, root.__subclasses__()))


async def test_every_code_that_a_problem_can_carry_has_its_row() -> None:
    told = kinds_of(Refused) | kinds_of(application_errors.ApplicationError)
    codes = {vars(kind)["code"] for kind in told if "code" in vars(kind)} - {Refused.code}
    assert len(codes) > 35 and refusals.InvalidToken.code in codes and errors.Overdrawn.code in codes
    found = await page()
    assert codes | {"internal_error"} == {row.code for row in facts.error_rows()}
    assert [code for code in codes | {"internal_error"} if code not in found.ids] == []
    for row in facts.error_rows():
        assert str(row.status) in found.text and row.sentence in found.text


async def test_a_row_has_the_status_that_is_answered() -> None:
    statuses = {row.code: row.status for row in facts.error_rows()}
    for trouble in (errors.InvalidKey(), errors.Overdrawn(), application_errors.OutcomeUnknown(),
                    refusals.PathNotFound(), Exception()):  # fmt: skip
        answer = problems.response(trouble, "1")
        told = msgspec.json.decode(bytes(answer.body))
        assert statuses[told["code"]] == answer.status_code
        assert told["type"] == f"/api/docs#{told['code']}"


async def test_every_operation_is_there_with_its_parameters_and_a_real_answer() -> None:
    found = await page()
    paths = document("1")["paths"]
    for operation in OPERATIONS:
        told = paths[f"/api/v1{operation.path}"][operation.method]
        assert told["operationId"] in found.ids
        name = f"{operation.method.upper()} {operation.path}"
        assert found.blocks[f"Example answer to {name}"].strip() == facts.pretty(
            samples.answer_to(operation.method, operation.path)
        )
        for parameter in told["parameters"]:
            assert parameter["name"] in found.text


async def test_the_page_tells_the_limit_that_is_set() -> None:
    for limit, told in ((60, "60"), (1_200, "1,200")):
        found = await page(open_world(limit=limit).app())
        assert re.search(rf"Requests a key, in any 60 seconds\s*{told}\s", found.text)


def test_a_post_takes_a_key_alone_or_with_a_signature() -> None:
    told, alone = document("1"), {"ApiKey": list[str]()}
    assert told["security"] == [alone]
    schemes = {name: scheme["name"] for name, scheme in told["components"]["securitySchemes"].items()}
    assert schemes == {"ApiKey": "X-API-Key", "Timestamp": "X-Timestamp", "Signature": "X-Signature"}
    for path in told["paths"].values():
        for method, operation in path.items():
            both = [alone, alone | {"Timestamp": [], "Signature": []}]
            assert operation.get("security") == (both if method == "post" else None)


async def test_the_openapi_document_is_only_read() -> None:
    async with open_world().client() as http:
        read = await http.get("/api/openapi.json")
        posted = await http.post("/api/openapi.json", json={})
        again = await http.get("/api/openapi.json", headers={"If-None-Match": read.headers["ETag"]})
    assert (read.status_code, read.json()["openapi"]) == (200, "3.1.0")
    assert (again.status_code, again.content) == (304, b"")
    assert (posted.status_code, posted.headers["Allow"]) == (405, "GET, HEAD")
    assert posted.json()["type"] == "/api/docs#method_not_allowed"
    assert posted.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda told: f"{told.method} {told.path}")
def test_an_example_is_what_the_operation_answers(operation: Any) -> None:
    found = msgspec.json.decode(samples.answer_to(operation.method, operation.path))
    msgspec.json.decode(samples.answer_to(operation.method, operation.path), type=operation.answers)
    assert "items" not in found or found["items"]
    if operation.body is not None:
        msgspec.convert(samples.body_of(operation.path), operation.body, dec_hook=_custom)


def test_the_openapi_document_has_the_same_examples() -> None:
    told = document("1")
    for operation in OPERATIONS:
        answer = told["paths"][f"/api/v1{operation.path}"][operation.method]["responses"]["200"]
        example = answer["content"]["application/json"]["example"]
        assert example == msgspec.json.decode(samples.answer_to(operation.method, operation.path))
    webhook = told["webhooks"]["order"]["post"]["requestBody"]["content"]["application/json"]
    assert webhook["example"] == msgspec.json.decode(samples.webhook())


def test_the_example_of_a_webhook_is_one() -> None:
    found = msgspec.json.decode(samples.webhook(), type=EventView)
    assert (found.status, len(found.items)) == ("completed", found.quantity)


def test_the_examples_tell_one_story() -> None:
    told = {
        (found.method, found.path): msgspec.json.decode(samples.answer_to(found.method, found.path))
        for found in OPERATIONS
    }
    balance = told["get", "/balance"]
    assert balance["balance_usdt"] == balance["total_topup_usdt"] - balance["total_spent_usdt"]
    moved = sum(row["amount_usdt"] for row in told["get", "/balance/transactions"]["items"])
    assert moved == balance["balance_usdt"]
    product, order = told["get", "/products/{id}"], told["get", "/orders/{id}"]
    assert told["get", "/products"]["items"] == [product]
    assert order["price_usdt"] == product["price_usdt"] * order["quantity"]
    assert order["quantity"] == len(order["items"]) >= product["min_quantity"]
    webhook = msgspec.json.decode(samples.webhook())
    for found in (samples.body_of("/orders"), told["post", "/orders"], webhook):
        assert (found["product_id"], found["quantity"]) == (product["id"], order["quantity"])
    topup, asked = told["post", "/balance/topup"], samples.body_of("/balance/topup")
    assert (asked["amount_usdt"], asked["network"]) == (
        topup["requested_amount_usdt"],
        topup["payment_network"],
    )


async def test_networks_limits_states_and_fields_come_from_the_code() -> None:
    found = await page()
    for network in Network:
        assert network in found.text and network.facts.fee in found.text and network.facts.token in found.text
    for number in (limits.QUANTITY_MAX, limits.BODY_BYTES_MAX):
        assert f"{number:,}" in found.text
    assert set(facts.ON_TOPUPS) == set(TopupView.__struct_fields__)
    assert set(facts.ON_ORDERS) == set(OrderStatus)
    bodies = {name for found in OPERATIONS if found.body for name in found.body.__struct_fields__}
    assert set(facts.ON_FIELDS) == bodies


async def test_what_is_shown_can_be_sent_where_one_network_is_offered() -> None:
    world = open_world(devnet=False, closed=set(Network) - {Network.POLYGON})
    app, only = world.app(), [Network.POLYGON.value]
    async with world.client(await world.mint(), app=app) as client:
        told = (await client.get("/api/openapi.json")).json()
        collection = (await client.get("/api/docs/postman_collection.json")).json()
        (item,) = [item for item in collection["item"] if item["name"] == "POST /balance/topup"]
        opening = told["paths"]["/api/v1/balance/topup"]["post"]
        shown = opening["requestBody"]["content"]["application/json"]["example"]
        answered = opening["responses"]["200"]["content"]["application/json"]["example"]
        assert answered["payment_network"] == only[0]
        for body in (shown, json.loads(item["request"]["body"]["raw"])):
            assert (await client.post("/api/v1/balance/topup", json=body)).status_code == 200
    assert told["components"]["schemas"]["TopupBody"]["properties"]["network"]["enum"] == only
    found = await page(app)
    assert json.loads(found.blocks["Example body of POST /balance/topup"]) == shown
    assert json.loads(found.blocks["Example answer to POST /balance/topup"]) == answered
    assert re.search(r"network\s*required\s*body\s*usdt_polygon\s*The network", found.text)


async def test_the_shops_own_terms_are_told() -> None:
    def shop(floor: int, **spans: int) -> Starlette:
        terms = OrderTerms(
            minimum=MinimumTerms(floor_rub=Decimal(floor)), deadline=timedelta(seconds=spans["deadline"])
        )
        pace = Pace(scan=timedelta(seconds=spans["scan"]), refund_sweep=timedelta(seconds=spans["sweep"]))
        services = open_world().services
        desk = copy(services.order_desk)
        desk.terms = terms
        return build_app(holder=ShopHolder(attrs.evolve(services, order_desk=desk)), pace=pace)

    own = (await page(shop(1_500, deadline=1_200, scan=7, sweep=45))).text
    for told in (
        "least total of about 1,500 roubles", "within about 45 seconds",
        "We read every network every 7 seconds", "Delivery takes 30 seconds to 20 minutes",
    ):  # fmt: skip
        assert told in own, told
    assert re.search(r"Least total of an order\s*1,500 roubles", own)
    assert re.search(r"An order not delivered expires after\s*20 minutes", own)
    quick = (await page(shop(0, deadline=20, scan=1, sweep=60))).text
    assert "Delivery takes 20 seconds" in quick and "a least total of about" not in quick
    usual = (await page()).text
    for told in ("about 600 roubles", "about 30 seconds", "every 5 seconds", "30 seconds to 10 minutes"):
        assert told in usual, told


async def test_the_servers_settings_reach_the_page(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, scan_interval=timedelta(seconds=7), refund_interval=timedelta(seconds=45)
    )
    found = await page(create_app(settings))
    assert "We read every network every 7 seconds" in found.text
    assert "within about 45 seconds" in found.text


async def test_all_that_a_webhook_can_tell_is_named_in_its_order() -> None:
    intro = (await read()).text.partition('id="webhooks-title"')[2].partition("<pre")[0]
    told = [word for word in re.findall(r"<code>(\w+)</code>", intro) if word != "webhook_url"]
    assert told == [
        "processing", "completed", "partial", "failed", "expired", "cancelled", "refunded", "processing"
    ]  # fmt: skip
    assert set(told) == {status for status, _ in MOVES.values()} | {RefundStatus.REFUNDED}


async def test_who_comes_first_when_a_website_order_has_nearly_the_same_amount() -> None:
    text = (await read()).text
    edge_cases = text.partition('id="edge-cases"')[2].partition("</table>")[0]
    (row,) = [row for row in edge_cases.split("<tr>") if "on the website" in row]
    (answer,) = [row for row in text.split("<details>") if "Do I share the address" in row]
    for told in (row, answer):
        assert "the website order comes first" in told
    assert f"{pricing.STEP_PERCENT}%" in row


async def test_no_link_leads_nowhere_and_no_id_is_used_twice() -> None:
    found = await page()
    assert [name for name, times in Counter(found.ids).items() if times > 1] == []
    made_by_script = {f"try-{document('1')['paths'][f'/api/v1{told.path}'][told.method]['operationId']}"
                      for told in OPERATIONS}  # fmt: skip
    inside = [link[1:] for link in found.links if link.startswith("#")]
    assert [link for link in inside if link not in {*found.ids, *made_by_script}] == []
    elsewhere = {link for link in found.links if not link.startswith("#")}
    assert elsewhere == {"openapi.json", "docs/postman_collection.json"}
    for link in elsewhere:
        assert (await read(path=f"/api/{link}")).status_code == 200


async def test_the_page_stands_by_itself() -> None:
    found = await page()
    assert found.inline == []
    assert sorted(found.sources)[1:] == ["docs/app.js", "docs/style.css"]
    assert found.sources[0].startswith("data:")
    assert found.headings[0] == 1 and found.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(found.headings, found.headings[1:], strict=False))
    style, script = await read(path="/api/docs/style.css"), await read(path="/api/docs/app.js")
    assert "url(" not in style.text and "@import" not in style.text
    assert not re.search(r"localStorage|sessionStorage|document\.cookie|innerHTML|\beval\b", script.text)


@pytest.mark.parametrize("path", ["", "/style.css", "/app.js", "/postman_collection.json"])
async def test_what_is_served_is_guarded_small_and_fresh(path: str) -> None:
    plain = await read(path=f"/api/docs{path}", accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    policy = plain.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    told = set(policy.split("; "))
    assert {"style-src 'self'", "script-src 'self'", "connect-src 'self'", "img-src 'self' data:"} <= told
    assert {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= told
    assert plain.headers["x-content-type-options"] == "nosniff"
    packed = await read(path=f"/api/docs{path}", accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < 20_000
    again = await read(path=f"/api/docs{path}", if_none_match=plain.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip;q=0, identity", False), ("br, GZIP ; q=0.000", False), ("x-not-gzip", False), ("", False),
     ("br;q=1.0, gzip;q=0.8", True), ("deflate,gzip", True)],
)  # fmt: skip
async def test_it_is_compressed_for_who_takes_that(accepted: str, *, packed: bool) -> None:
    assert ("content-encoding" in (await read(accept_encoding=accepted)).headers) is packed


async def test_other_methods_are_refused_as_everywhere() -> None:
    async with open_world().client() as client:
        refused = await client.post("/api/docs")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD"


async def test_the_devnet_panel_is_on_devnet_alone() -> None:
    assert {"devnet", "try-devnet-transfer", "try-devnet-supplier"} <= set((await page()).ids)
    real = open_world(devnet=False)
    found = await page(real.app())
    assert not any("devnet" in name for name in found.ids) and "devnet" not in found.text


async def test_a_closed_shop_can_be_read_about() -> None:
    found = await page(build_app(holder=ShopHolder()))
    assert "quick-start" in found.ids and "devnet" not in found.ids


async def test_a_mounted_shop_is_linked_relatively() -> None:
    found = Page()
    app = Starlette(routes=[Mount("/shop", app=open_world().app())])
    found.feed((await read(app, "/shop/api/docs")).text)
    assert not [link for link in found.links + found.sources if link.startswith("/")]
    for source in ("docs/app.js", "docs/style.css", "openapi.json"):
        assert (await read(app, f"/shop/api/{source}")).status_code == 200


async def test_the_verification_on_the_page_verifies() -> None:
    scope: dict[str, Any] = {}
    exec((await page()).blocks["Verifying a webhook in Python"], scope)
    is_ours, body, now = scope["is_ours"], samples.webhook(), int(time.time())

    def headers(stamp: int, secret: bytes = b"s") -> dict[str, str]:
        signature = signatures.sign(secret, str(stamp), body)
        return {"X-Webhook-Timestamp": str(stamp), "X-Webhook-Signature": signature}

    assert is_ours("s", headers(now), body)
    assert not is_ours("s", headers(now), body + b" ")
    assert not is_ours("s", headers(now, b"other"), body)
    assert not is_ours("s", headers(now - 301), body)
    assert not is_ours("s", {}, body)
    for hostile in ({"X-Webhook-Timestamp": "\xb2"}, {"X-Webhook-Timestamp": "1" * 5_000},
                    {"X-Webhook-Signature": "\xe9"}):  # fmt: skip
        assert not is_ours("s", headers(now) | hostile, body)


async def test_the_formula_of_the_signature_is_the_right_one() -> None:
    line = (await page()).blocks["The signature in Python"]
    scope = {"hmac": hmac, "hashlib": hashlib, "secret": "s", "timestamp": "1779497200", "body": '{"a": 1}'}
    exec(line, scope)
    assert scope["signature"] == signatures.sign(b"s", "1779497200", b'{"a": 1}')
