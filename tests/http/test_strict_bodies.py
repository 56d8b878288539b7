"""Request bodies are read strictly, and every refusal says where and why."""

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.shop import World, as_sent, open_world
from tests.http.test_admission import code_of
from ytmarket.adapters.http.wire.orders import read_order
from ytmarket.adapters.http.wire.text import _MARKING, DEPTH_MAX, read_object
from ytmarket.application.api_keys import MintedKey
from ytmarket.domain.errors import InvalidRequest, InvoicesUnavailable
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.shop import PlaceOrder

ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
TOPUP = {"amount_usdt": 5, "network": "usdt_ton"}


def text(told: dict[str, Any], **raw: str) -> bytes:
    """The members, with some whose value is written just so."""
    members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in told.items() if name not in raw]
    members += [f'"{name}": {value}' for name, value in raw.items()]
    return ("{" + ", ".join(members) + "}").encode("utf-8", "surrogatepass")


NOT_AN_OBJECT = [
    b"",
    b" \n",
    b"[]",
    b"[1]",
    b'"text"',
    b"null",
    b"true",
    b"12",
    b"NaN",
    b"{",
    b"{} {}",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": NaN, ',
    b'{"a": 1, "a": 2',
    b'{"a": 01}',
    b'{"a": +1}',
    b'{"a": .5}',
    b'{"a": 1.}',
    b'{"a": "\x00"}',
    b'{"a": "\n"}',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b'{"a": "\xc3\x28"}',
    b'{"a": "\xed\xa0\x80"}',
    b"[" * 20_000,
    b'{"a":' * 10_000,
    b"[" * 20_000 + b"]" * 20_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
]

ORDERS_REFUSED = [
    # unknown fields, also those of a webhook or of an answer
    (text(ORDER, order_id="789"), "/order_id"),
    (text(ORDER, **{"a/b~c": "1"}), "/a~1b~0c"),
    (text(ORDER, PRODUCT_ID="1"), "/PRODUCT_ID"),
    # missing fields
    (b"{}", "/product_id"),
    (as_sent({"product_id": 1, "payment_method": "balance"}), "/quantity"),
    (as_sent({"product_id": 1, "quantity": 1}), "/payment_method"),
    # wrong types
    *(
        (text(ORDER, product_id=raw), "/product_id")
        for raw in ('"1"', "true", "null", "[1]", "{}", "1.0", "1.5")
    ),
    *((text(ORDER, quantity=raw), "/quantity") for raw in ('"1"', "false", "null", "1.0", "[]")),
    *((text(ORDER, payment_method=raw), "/payment_method") for raw in ("1", "true", "null", '["balance"]')),
    *((text(ORDER, webhook_url=raw), "/webhook_url") for raw in ("1", "true", "[]", "{}")),
    *((text(ORDER, max_price_usdt=raw), "/max_price_usdt") for raw in ("true", "[1]", "{}", '"one"', '""')),
    # out of bounds
    *((text(ORDER, product_id=raw), "/product_id") for raw in ("0", "-1", "9223372036854775808", "-0")),
    *((text(ORDER, quantity=raw), "/quantity") for raw in ("0", "-1", "10001", "99999999999999999999")),
    *((text(ORDER, payment_method=raw), "/payment_method") for raw in ('""', '"card"', '"Balance"')),
    *((text(ORDER, max_price_usdt=raw), "/max_price_usdt") for raw in ("0", "-1", "0.0000001", "1e3")),
    # numbers that are none, or beyond reason
    *(
        (text(ORDER, quantity=raw), "/quantity")
        for raw in (
            "NaN",
            "Infinity",
            "-Infinity",
            "1e1",
            "1E1",
            "1e999999",
            "1" * 25,
            "1" * 5_000,
            "0." + "1" * 5_000,
        )
    ),
    # twice the same, even with the same value
    (b'{"product_id": 1, "quantity": 1, "payment_method": "balance", "quantity": 1}', "/quantity"),
    (b'{"product_id": 1, "quantity": 1, "payment_method": "balance", "quantit\\u0079": 2}', "/quantity"),
    (text(ORDER, webhook_url='{"a": {"b": 1, "b": 1}}'), "/webhook_url/a/b"),
    # members whose names read as the rest of a message does
    (text(ORDER, **{"a` - at `$.bar": "1"}), "/a` - at `$.bar"),
    (text(ORDER, **{"a` - at `$": "1"}), "/a` - at `$"),
    (text(ORDER, **{"a\\n": "1"}), "/a\n"),
    # strings that no database and no UTF-8 text can hold
    (text(ORDER, webhook_url='"https://a.b/\\u0000"'), "/webhook_url"),
    (text(ORDER, webhook_url='"https://a.b/\\ud800"'), "/webhook_url"),
    (text(ORDER, payment_method='"balance\\u0000"'), "/payment_method"),
    (text(ORDER, **{"\\ud800": "1"}), ""),
    # what is no URL
    *(
        (text(ORDER, webhook_url=f'"{url}"'), "/webhook_url")
        for url in ("", "your.app", "ftp://a.b/", "https://", "https://u:p@a.b/", "https://a b/", "x" * 3_000)
    ),
]

TOPUPS_REFUSED = [
    (text(TOPUP, order_id="789"), "/order_id"),
    (b"{}", "/amount_usdt"),
    (as_sent({"amount_usdt": 5}), "/network"),
    *(
        (text(TOPUP, amount_usdt=raw), "/amount_usdt")
        for raw in (
            *(
                "true",
                "null",
                "[5]",
                "{}",
                '""',
                '"five"',
                '" 5"',
                '"5 "',
                '"5e1"',
                '"+5"',
                '"05"',
                '"5."',
                '".5"',
            ),
            *('"NaN"', '"1_0"', '"\\uff15"', '"0x5"', '"5,00"', "5e0", "5E+0", "NaN", "Infinity"),
            *("0", "0.99", "-5", "100000.01", "100001", "5.001", "5.0000001", '"5.001"', "9" * 20, "9" * 400),
        )
    ),
    *(
        (text(TOPUP, network=raw), "/network")
        for raw in ("1", "null", '""', '"usdt_erc_20"', '"USDT_TON"', "[]")
    ),
    *((text(TOPUP, exact=raw), "/exact") for raw in ("1", "0", '"true"', "[]")),
]


async def visited() -> tuple[World, MintedKey]:
    world = open_world()
    await world.product(1, "8")
    return world, await world.rich()


class Name(str):
    """A member's name that counts how often one is held against another."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Name.comparisons += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_many_names_that_stand_twice_are_each_looked_at_a_few_times() -> None:
    """Else one body of 64 KiB holds the server up for a second."""
    names = [Name(number) for _ in range(2) for number in range(1_000)]
    Name.comparisons = 0
    found = _MARKING.object_pairs_hook([(name, 0) for name in names])
    assert {value.problem for value in found.values()} == {"stands here twice"}
    assert Name.comparisons < 10 * len(names)


@pytest.mark.parametrize("path", ["/orders", "/balance/topup"])
async def test_what_is_no_json_object(path: str) -> None:
    world, key = await visited()
    for body in NOT_AN_OBJECT:
        async with world.client(key) as client:
            response = await client.post(f"/api/v1{path}", content=body)
        assert code_of(response) == (422, "invalid_request"), body[:40]
        (error,) = response.json()["errors"]
        assert error["detail"]
        world.clock.advance(world.services.topups.terms.lifetime)


@pytest.mark.parametrize(("path", "cases"), [("/orders", ORDERS_REFUSED), ("/balance/topup", TOPUPS_REFUSED)])
async def test_refusals_name_the_place(path: str, cases: list[tuple[bytes, str]]) -> None:
    world, key = await visited()
    for body, pointer in cases:
        async with world.client(key) as client:
            response = await client.post(f"/api/v1{path}", content=body)
        assert code_of(response) == (422, "invalid_request"), body[:200]
        (error,) = response.json()["errors"]
        assert error["pointer"] == pointer, (body[:200], error)
        assert "`" not in error["detail"], error
        world.clock.advance(world.services.topups.terms.lifetime)
    async with world.client(key) as client:
        assert (await client.get("/api/v1/orders")).json()["total"] == 0
        assert (await client.get("/api/v1/balance/topups")).json()["total"] == 0


@pytest.mark.parametrize(
    ("raw", "micros"),
    [
        ("5", 5_000_000),
        ("5.0", 5_000_000),
        ("5.10", 5_100_000),
        ("1.01", 1_010_000),
        ("100000", 100_000_000_000),
        ('"5"', 5_000_000),
        ('"5.10"', 5_100_000),
        ("5.100000", 5_100_000),
    ],
)
async def test_amounts_that_are_good(raw: str, micros: int) -> None:
    world, key = await visited()
    async with world.client(key) as client:
        response = await client.post("/api/v1/balance/topup", content=text(TOPUP, amount_usdt=raw))
        assert response.status_code == 200
        told = json.loads(response.content, parse_float=Decimal)
        assert told["requested_amount_usdt"] * 1_000_000 == micros
        assert "." in str(told["amount_usdt"])


async def test_null_is_as_if_absent() -> None:
    world, key = await visited()
    async with world.client(key) as client:
        order = as_sent(ORDER | {"webhook_url": None, "max_price_usdt": None})
        assert (await client.post("/api/v1/orders", content=order)).status_code == 200
        topup = as_sent(TOPUP | {"exact": None})
        assert (await client.post("/api/v1/balance/topup", content=topup)).status_code == 200


async def test_an_unknown_network_is_told_the_known_ones() -> None:
    world, key = await visited()
    async with world.client(key) as client:
        response = await client.post("/api/v1/balance/topup", json=TOPUP | {"network": "usdt_erc_20"})
        assert response.json()["networks"] == [
            *("usdt_trc_20", "usdt_bep_20", "usdt_polygon", "usdt_arbitrum", "usdt_ton", "usdt_solana")
        ]


async def test_invoices_are_refused_only_once_the_rest_is_good() -> None:
    world, key = await visited()
    async with world.client(key) as client:
        bad = ORDER | {"payment_method": "invoice", "webhook_url": "nowhere"}
        assert code_of(await client.post("/api/v1/orders", json=bad)) == (422, "invalid_request")
        good = ORDER | {"payment_method": "invoice", "product_id": 999}
        assert code_of(await client.post("/api/v1/orders", json=good)) == (501, "invoice_not_implemented")


async def test_64_kib_and_not_a_byte_more() -> None:
    world, key = await visited()
    async with world.client(key) as client:
        body = as_sent(ORDER)
        exactly = body + b" " * (65_536 - len(body))
        assert (await client.post("/api/v1/orders", content=exactly)).status_code == 200
        refused = await client.post("/api/v1/orders", content=exactly + b" ")
        assert code_of(refused) == (413, "body_too_large")
        assert refused.json()["max_bytes"] == 65_536


@given(st.binary(max_size=300))
def test_no_bytes_are_a_surprise(body: bytes) -> None:
    assert isinstance(read_order(body), PlaceOrder | InvalidRequest | InvoicesUnavailable)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text()
    | st.sampled_from(["balance", "invoice", "https://a.b/", "1.5", "\ud800", "\0"])
)
FIELDS = st.sampled_from(["product_id", "quantity", "payment_method", "webhook_url", "max_price_usdt", "x"])


@given(st.dictionaries(FIELDS, LEAVES | st.lists(LEAVES) | st.dictionaries(st.text(), LEAVES)))
def test_no_object_is_a_surprise(told: dict[str, Any]) -> None:
    assert isinstance(
        read_order(json.dumps(told).encode()), PlaceOrder | InvalidRequest | InvoicesUnavailable
    )


@given(
    product_id=st.integers(1, 2**63 - 1),
    quantity=st.integers(1, 10_000),
    max_price=st.none() | st.integers(1, 10**18).map(Usdt),
    as_text=st.booleans(),
)
def test_good_orders_are_read_to_the_micro(
    *, product_id: int, quantity: int, max_price: Usdt | None, as_text: bool
) -> None:
    told = ORDER | {"product_id": product_id, "quantity": quantity}
    price = "null" if max_price is None else f'"{max_price}"' if as_text else str(max_price)
    read = read_order(text(told, max_price_usdt=price))
    assert read == PlaceOrder(product_id=ProductId(product_id), quantity=quantity, max_price=max_price)


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"))
)
TREES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(told=st.dictionaries(st.text("abc", max_size=3), TREES), ascii_only=st.booleans())
def test_what_is_not_refused_is_read_as_it_was_meant(*, told: dict[str, Any], ascii_only: bool) -> None:
    assert read_object(json.dumps(told, ensure_ascii=ascii_only).encode()) == told


def test_nesting_has_an_end() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert read_object(nested(DEPTH_MAX))
    with pytest.raises(InvalidRequest) as refused:
        read_object(nested(DEPTH_MAX + 1))
    assert refused.value.pointer == "/a" * (DEPTH_MAX + 1)


def test_what_no_stack_would_hold_is_refused_unread() -> None:
    deep = b'{"a":' + b"[" * 65_531
    assert len(deep) == 2**16
    for body in (deep, b'{"a":' * 13_107, b'{"a":"\\\\","b\\"":' + b"[" * 65_000):
        with pytest.raises(InvalidRequest) as refused:
            read_object(body)
        assert "deeper" in refused.value.problem


def test_brackets_in_strings_are_not_depth() -> None:
    told = {"a": "[" * 1_000, "[{" * 500: ['\\"[' * 500, "\\", "[" * 500], "b": [[]] * 500}
    assert read_object(json.dumps(told).encode()) == told


def test_a_limit_of_recursion_that_a_library_raised_crashes_nothing() -> None:
    """Where it is 100,000, Python 3.11 overruns the stack: in a process of its own, as that would end it."""
    program = (
        "import sys; sys.setrecursionlimit(100_000)\n"
        "from ytmarket.adapters.http.wire.text import read_object\n"
        "from ytmarket.domain.errors import InvalidRequest\n"
        "try: read_object(b'{\"a\":' + b'[' * 65_531)\n"
        "except InvalidRequest as refused: print(refused.problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, f"must not be nested deeper than {DEPTH_MAX} levels")
