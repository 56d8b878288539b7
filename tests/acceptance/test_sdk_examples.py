"""The programs on the docs page, taken from it as a reader copies them, run to a delivered order."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.acceptance.server import Server
from tests.acceptance.shop import Shop
from tests.conftest import STRICT
from ytmarket.adapters.http.openapi import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / "tests/node"
BLOCK = re.compile(r'<pre [^>]*aria-label="(\w+) example"><code>(.*?)</code></pre>', re.DOTALL)


def on_the_page(page: str, language: str, api: str, key: str, secret: str | None) -> str:
    """The block with an address, a key and perhaps a secret filled in, as a reader does."""
    blocks = {name: unescape(text) for name, text in BLOCK.findall(page)}
    assert set(blocks) == {"Python", "Node", "Go", "curl"}
    code = blocks[language].replace("https://shop.example/api/v1", api)
    return code.replace("YOUR_API_KEY", key).replace("YOUR_SECRET", secret or "")


def example(shop: Shop, language: str, *, signed: bool) -> str:
    """The block for a funded customer, polling faster than politeness asks."""
    customer = shop.customer(1_000, secret=signed)
    page = shop.http.get("/api/docs").text
    code = on_the_page(page, language, shop.server.api, customer.key, customer.secret)
    return code.replace("time.sleep(5)", "time.sleep(0.2)").replace("5000", "200").replace(
        "5 * time.Second", "200 * time.Millisecond"
    )  # fmt: skip


def run(*command: str, cwd: Path, **environment: str) -> str:
    ran = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def catalogue(shop: Shop) -> Shop:
    shop.product("8.50", units=50, number=1, sku="FIRST")
    return shop


@pytest.mark.parametrize("signed", [True, False])
def test_python(catalogue: Shop, tmp_path: Path, *, signed: bool) -> None:
    (tmp_path / "example.py").write_text(example(catalogue, "Python", signed=signed))
    told = run(sys.executable, "example.py", cwd=tmp_path)
    assert "Ended: completed" in told and "'login'" in told


def test_python_on_the_demo_shop(demo: Server, tmp_path: Path) -> None:
    """The server of `make run` and the key without a secret that it printed: nothing else is filled in."""
    with demo.client() as reader:
        page = reader.get("/api/docs").text
    (tmp_path / "example.py").write_text(on_the_page(page, "Python", demo.api, demo.keys[1], None))
    told = run(sys.executable, "example.py", cwd=tmp_path)
    assert "Ended: completed" in told.splitlines()[-1] and "'login'" in told


@pytest.mark.needs("curl", "openssl", "sh")
@pytest.mark.parametrize("signed", [True, False])
def test_curl(catalogue: Shop, tmp_path: Path, *, signed: bool) -> None:
    told = run("sh", "-c", example(catalogue, "curl", signed=signed), cwd=tmp_path)
    assert '"status":"processing"' in told
    assert '"problem' not in told and '"code"' not in told
    assert told.count('"order_id":') == 2


@pytest.mark.needs("node")
@pytest.mark.parametrize("signed", [True, False])
def test_node(catalogue: Shop, tmp_path: Path, *, signed: bool) -> None:
    if not (NODE / "node_modules/axios").exists():
        lack = "axios is missing: npm install --prefix tests/node"
        pytest.fail(lack) if STRICT else pytest.skip(lack)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    (tmp_path / "example.mjs").write_text(example(catalogue, "Node", signed=signed))
    told = run("node", "example.mjs", cwd=tmp_path, NO_PROXY="127.0.0.1")
    assert "Ended: completed" in told and "login" in told


@pytest.mark.needs("go")
@pytest.mark.parametrize("signed", [True, False])
def test_go(catalogue: Shop, tmp_path: Path, *, signed: bool) -> None:
    (tmp_path / "main.go").write_text(example(catalogue, "Go", signed=signed))
    settings = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GO111MODULE": "off"}
    told = run("go", "run", "main.go", cwd=tmp_path, HOME=str(tmp_path), **settings)
    assert re.search(r"Ended: completed \d+ items", told)


@pytest.mark.needs("node")
def test_the_postman_collection_runs_from_top_to_bottom(catalogue: Shop, tmp_path: Path) -> None:
    newman = NODE / "node_modules/newman/bin/newman.js"
    if not newman.exists():
        lack = "newman is missing: npm install --prefix tests/node"
        pytest.fail(lack) if STRICT else pytest.skip(lack)
    customer = catalogue.customer(1_000, secret=True)
    (tmp_path / "collection.json").write_text(catalogue.http.get("/api/docs/postman_collection.json").text)
    given = {"base_url": catalogue.server.api, "api_key": customer.key, "secret": customer.secret}
    options = [word for name, value in given.items() for word in ("--env-var", f"{name}={value}")]
    report = ("--reporters", "json", "--reporter-json-export", "report.json")
    run("node", str(newman), "run", "collection.json", *options, *report, cwd=tmp_path)
    told = json.loads((tmp_path / "report.json").read_text())["run"]
    assert told["failures"] == []
    statuses = {found["item"]["name"]: found["response"]["code"] for found in told["executions"]}
    assert statuses == {f"{o.method.upper()} {o.path}": 200 for o in OPERATIONS}
    assert customer.ask("/orders")["total"] == customer.ask("/balance/topups")["total"] - 1 == 1
