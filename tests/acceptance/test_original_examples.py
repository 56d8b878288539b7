"""The contract's own examples, cut out of its text and run as they are.

The text is not part of this repository. Where the environment's CONTRACT_TEXT names a copy of it, its
examples are run with nothing changed in them but the base URL, the key and the secret; otherwise this is
skipped, and the examples in our own words, on the docs page, are run all the same (`test_sdk_examples`).
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.programs import Program, Runs, side_by_side, with_modules
from tests.acceptance.server import Server
from tests.acceptance.shop import Customer, Shop

TEXT = os.environ.get("CONTRACT_TEXT", "")
BASE_URL = "https://ytmarket.pro/api/v1"

# Between which lines each example stands.
EXAMPLES = {
    "signing.py": ("# Python example", "Protects against"),
    "order.py": ("Python (requests)", "Node.js (axios)"),
    "order.mjs": ("Node.js (axios)", "Go (net/http)"),
    "order.go": ("Go (net/http)", "curl"),
    "order.sh": ("curl", "🙋"),
}

pytestmark = pytest.mark.skipif(not TEXT, reason="CONTRACT_TEXT names no copy of the contract's text")


def between(text: str, start: str, end: str) -> str:
    """What stands after the line *start* and before the line that begins with *end*."""
    found = re.search(rf"^{re.escape(start)}\n(.*?)^{re.escape(end)}", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"the contract has no example between {start!r} and {end!r}"
    return found[1]


def contract(server: Server) -> str:
    """The contract with this server's address in it."""
    return Path(TEXT).read_text(encoding="utf-8").replace(BASE_URL, server.api)


@pytest.fixture(scope="module")
def text(shop: Shop) -> str:
    return contract(shop.server)


@pytest.fixture(scope="module")
def customers(shop: Shop) -> dict[str, Customer]:
    return {
        name: shop.customer(170 + 3 * number, secret=name == "signing.py")
        for number, name in enumerate(EXAMPLES)
    }


@pytest.fixture(scope="module")
def runs(
    text: str, showcase: int, customers: dict[str, Customer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    assert showcase == 12_345  # the number that the examples order
    folder = tmp_path_factory.mktemp("originals")
    programs = {}
    for name, (start, end) in EXAMPLES.items():
        key, secret = customers[name].key, customers[name].secret or ""
        source = between(text, start, end)
        source = source.replace('KEY = "..."; SECRET = "..."', f'KEY = "{key}"; SECRET = "{secret}"')
        for placeholder in ("YOUR_API_KEY", "YOUR_KEY"):
            source = source.replace(placeholder, key)
        path = with_modules(folder, name, source)
        commands = {
            ".py": Program(command=[sys.executable, str(path)]),
            ".mjs": Program(
                command=["node", str(path)], environment={"API_KEY": key}, needs=["node", "npm:axios"]
            ),
            ".go": Program(command=["go", "run", str(path)], needs=["go"]),
            ".sh": Program(command=["bash", "-e", str(path)], needs=["bash", "curl"]),
        }
        programs[name] = commands[path.suffix]
    with side_by_side(programs) as running:
        yield running


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_to_its_last_line_and_its_order_is_delivered(
    runs: Runs, customers: dict[str, Customer], name: str
) -> None:
    ran = runs[name]
    assert ran.returncode == 0, ran.stdout + ran.stderr
    orders = customers[name].ask("/orders")["items"]
    assert len(orders) == 1
    assert customers[name].ended(orders[0]["order_id"])["status"] == "completed"


def test_the_python_example_runs_to_its_last_line_on_the_demo_shop(demo: Server, tmp_path: Path) -> None:
    """As a newcomer has it: the server of `make run`, and the key without a secret that it printed."""
    path = tmp_path / "order.py"
    source = between(contract(demo), *EXAMPLES["order.py"]).replace("YOUR_API_KEY", demo.keys[1])
    path.write_text(source, encoding="utf-8")
    ran = Program(command=[sys.executable, str(path)]).run()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("Final: completed, items=[{")


def test_the_python_and_node_examples_print_how_it_ended(runs: Runs) -> None:
    assert "Final: completed, items=[{'login':" in runs["order.py"].stdout
    assert "refunded=False" in runs["order.py"].stdout
    assert re.search(
        r"Final: completed items: \[ \{ login: .*refunded: false", runs["order.mjs"].stdout, re.DOTALL
    )


def test_the_signing_example_prints_200_and_the_order(runs: Runs) -> None:
    assert runs["signing.py"].stdout.startswith("200 {'order_id':")


def calls(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each call of curl in the text, with the members of the answer that is shown below it, if one is."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("curl "):
            call = [line]
            while "/api/v1" not in call[-1]:
                call.append(next(lines))
            shown = []
            for following in lines:
                if following and not following.startswith("#"):
                    break
                shown.append(following)
            yield "\n".join(call), set(re.findall(r'"(\w+)":', "".join(shown)))


def test_every_call_in_the_text_is_answered_with_the_members_shown_beside_it(
    text: str, shop: Shop, showcase: int
) -> None:
    customer = shop.customer(1_000)
    order_id = customer.delivered(showcase, 10)["order_id"]
    found = list(calls(text[: text.index("12. SDK examples")].replace("/orders/789", f"/orders/{order_id}")))
    assert [bool(members) for _, members in found] == [True, False, True, True, True, True, True]
    programs = {
        call: Program(command=["bash", "-c", call], environment={"KEY": customer.key}, needs=["bash", "curl"])
        for call, _ in found
    }
    with side_by_side(programs) as running:
        for call, members in found:
            ran = running[call]
            assert ran.returncode == 0, ran.stderr
            answer = json.loads(ran.stdout)
            assert "code" not in answer, f"{call} was answered {answer}"
            missing = {name for name in members if f'"{name}":' not in ran.stdout}
            assert not missing, f"{call} was answered {answer}"
