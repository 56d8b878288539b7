"""One Idempotency-Key in many hands at once, over two servers, is one effect and one answer, for good."""

from __future__ import annotations

import asyncio
from asyncio import to_thread
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import books
from tests.faults.effort import times
from tests.faults.load import ORDERS, TOPUPS, headers
from tests.faults.processes import Server
from tests.faults.shop import Customer, Database
from tests.faults.wire import Answer, Line, lines, request

pytestmark = pytest.mark.anyio

HANDS = 16
ORDER_ROUNDS = times(500, 2_000)  # for each of two customers
TOPUP_ROUNDS = times(100, 1_000)


@pytest.fixture
def servers(database: Database, folder: Path) -> Iterator[list[Server]]:
    """Two, without workers: what is asked for here is not to be delivered."""
    started = [Server.on(folder, database.settings(), "--no-workers").start() for _ in range(2)]
    yield started
    for server in started:
        server.end()


@pytest.mark.parametrize(
    ("path", "table", "rounds"), [(ORDERS, "orders", ORDER_ROUNDS), (TOPUPS, "topup", TOPUP_ROUNDS)]
)
@pytest.mark.parametrize("signs", [False, True], ids=["plain", "signed"])
async def test_sixteen_hands_get_one_effect_and_one_answer(
    database: Database, servers: list[Server], path: str, table: str, rounds: int, *, signs: bool
) -> None:
    (customer, *_) = [c for c in database.customers if (c.secret is not None) == signs]
    told: Counter[str] = Counter()
    answers: dict[str, bytes] = {}
    async with lines([server.port for server in servers], HANDS) as hands:
        for number in range(rounds):
            key = f"round-{number}"
            body = _body(path, number)
            asked = [_asked(customer, path, key, body) for _ in hands]
            if number % 2:
                asked = asked[:1] * HANDS  # the very same bytes, signature included
            first = await asyncio.gather(*map(Line.ask, hands, asked))
            answers[key] = _one_answer(first, told)
            # Nobody is in flight any more, so that everybody is told the same.
            again = await hands[number % HANDS].ask(_asked(customer, path, key, body))
            assert (again.status, again.body) == (200, answers[key])
            assert again.headers["idempotent-replayed"] == "true"
    assert books.count(database.dsn, table) == rounds == len(set(answers.values()))
    assert told["replayed"] > 0
    assert books.broken_rules(database.dsn) == {}
    for server in servers:
        await to_thread(server.kill)
        await to_thread(server.start)
    async with lines([server.port for server in servers], HANDS) as hands:
        for number, (key, answer) in enumerate(answers.items()):
            after = await hands[number % HANDS].ask(_asked(customer, path, key, _body(path, number)))
            assert (after.status, after.body) == (200, answer)
    assert books.count(database.dsn, table) == rounds


def _body(path: str, number: int) -> bytes:
    if path == TOPUPS:
        return b'{"amount_usdt": %d, "network": "usdt_ton"}' % (5 + 2 * number)
    return b'{"product_id": 1, "quantity": 1, "payment_method": "balance", "max_price_usdt": %d}' % (
        100 + number
    )


def _asked(customer: Customer, path: str, key: str, body: bytes) -> bytes:
    return request("POST", path, {**headers(customer, body=body), "Idempotency-Key": key}, body)


def _one_answer(told: list[Answer], counted: Counter[str]) -> bytes:
    """The one there is; whoever came while it was made was told to come back."""
    given = [answer for answer in told if answer.status == 200]
    fresh = [answer for answer in given if "idempotent-replayed" not in answer.headers]
    assert len(fresh) == 1
    assert {answer.body for answer in given} == {fresh[0].body}
    for answer in told:
        if answer.status != 200:
            assert (answer.status, answer.told["code"]) == (409, "idempotency_in_flight")
            assert int(answer.headers["retry-after"]) > 0
    counted["replayed"] += len(given) - 1
    counted["in flight"] += len(told) - len(given)
    return fresh[0].body
