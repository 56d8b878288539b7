"""A demo server, Debian's Chromium, and visitors whose page must stay without complaints."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.acceptance.server import Server
from tests.conftest import STRICT
from ytmarket.testing.postgres import temporary_data_dir

SETTINGS = {"YTMARKET_SCAN_SECONDS": "0.2", "YTMARKET_RATE_LIMIT": "1000000"}
NODE_MODULES = Path(__file__).resolve().parents[1] / "node/node_modules"
WATCH_POLICY = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""
REFUSED = "Failed to load resource: the server responded with a status of 4"


def lacking(what: str) -> None:
    """Skip this test, or fail it with STRICT=1."""
    if STRICT:
        pytest.fail(f"STRICT=1, and this machine lacks {what}", pytrace=False)
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with temporary_data_dir(in_memory=True) as data_dir:
        served = Server(data_dir, settings=SETTINGS).start()
        yield served
        served.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    program = shutil.which("chromium")
    if program is None:
        lacking("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def axe() -> str:
    """The source of axe-core."""
    source = NODE_MODULES / "axe-core/axe.min.js"
    if not source.exists():
        lacking("axe-core: npm install --prefix tests/node")
    return source.read_text(encoding="utf-8")


@attrs.define
class Visit:
    """One visitor's page, and all that the browser had to say about it."""

    page: Any
    server: Server
    complaints: list[str] = attrs.field(factory=list)

    def enter(self, key: str, secret: str = "") -> None:
        self.page.fill("#key", key)
        self.page.fill("#secret", secret)

    def press(self, name: str) -> Any:
        """Click the button of that request; the JSON it was answered with."""
        button = f"#try-{name} button[type=submit]"
        with self.page.expect_response(lambda answer: "/api/" in answer.url) as caught:
            self.page.click(button)
        answer = caught.value
        # The line may still tell of an equal answer before; the button comes back last.
        self.page.wait_for_function("button => !document.querySelector(button).disabled", arg=button)
        assert self.line.startswith(str(answer.status))
        return answer.json()

    @property
    def line(self) -> str:
        text: str = self.page.inner_text("#result-line")
        return text

    def judge(self, *, refusals: bool = False) -> None:
        """Nothing went wrong in the browser; *refusals* were asked for."""
        found = [told for told in self.complaints if not (refusals and told.startswith(REFUSED))]
        assert found == []
        assert self.page.evaluate("violations") == []


@pytest.fixture
def visit(chromium: Any, server: Server) -> Iterator[Callable[..., Visit]]:
    """Opens the page for a visitor with this screen and theme."""
    with ExitStack() as stack:

        def open_page(width: int = 1280, scheme: str = "light", path: str = "/api/docs") -> Visit:
            context = chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
            )
            stack.callback(context.close)
            page = context.new_page()
            found = Visit(page, server)
            page.add_init_script(WATCH_POLICY)
            page.on("console", lambda said: _heard(found, said.type, said.text))
            page.on("pageerror", lambda error: found.complaints.append(str(error)))
            page.on("requestfailed", lambda asked: found.complaints.append(f"failed: {asked.url}"))
            page.on("request", lambda asked: _asked(found, asked.url))
            page.goto(f"{server.url}{path}")
            page.wait_for_selector("#try-getUsage")
            return found

        yield open_page


def _heard(visit: Visit, kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        visit.complaints.append(text)


def _asked(visit: Visit, url: str) -> None:
    if not url.startswith((visit.server.url, "data:")):
        visit.complaints.append(f"asked elsewhere: {url}")
