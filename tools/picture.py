"""Makes docs/playground.png anew: a demo shop, a browser, the quick start clicked to the delivered order.

`.venv/bin/python -m tools.picture`; it needs Debian's Chromium. Times and request ids differ from run to run.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from ytmarket.testing.postgres import temporary_data_dir

PICTURE: Final = Path(__file__).resolve().parents[1] / "docs" / "playground.png"
SIZE: Final = {"width": 1200, "height": 800}
PORT: Final = "8000"  # it can be read in the picture
PATIENCE: Final = 60


@contextmanager
def demo_shop() -> Iterator[str]:
    """A fresh one; what it printed when it was ready."""
    with temporary_data_dir() as data_dir:
        words = ["serve", "--demo", "--port", PORT, "--data-dir", str(data_dir)]
        log = data_dir.with_name("server.log")
        with log.open("wb") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "ytmarket.entrypoints", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            ended = time.monotonic() + PATIENCE
            while "yts_" not in (said := log.read_text("utf-8")) or said.count("ytm_") < 2:
                if server.poll() is not None or time.monotonic() > ended:
                    raise RuntimeError(f"the shop did not open: {said}")
                time.sleep(0.1)
            yield said
        finally:
            server.terminate()
            server.wait(PATIENCE)


def draw(browser: Browser, url: str, key: str, secret: str, picture: Path) -> None:
    """Click the quick start through, with a key that signs, and take the picture."""
    page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")  # type: ignore[arg-type] # a dict with these two keys
    page.goto(f"{url}/api/docs")
    page.wait_for_selector("#try-getUsage")
    page.fill("#key", key)
    page.fill("#secret", secret)
    for name in ("getProducts", "postBalanceTopup", "devnet-transfer"):
        _press(page, name)
    _press(page, "getBalance", lambda told: told["balance_usdt"] > 0)
    _press(page, "postOrders")
    _press(page, "getOrdersOne", lambda told: told["status"] == "completed")
    page.locator("#try-postOrders").scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, document.querySelector('#try-postOrders').getBoundingClientRect().top - 205)")
    page.screenshot(path=picture)
    page.close()


def _press(page: Any, name: str, done: Callable[[Any], bool] = lambda _: True) -> None:
    """Click the button until its request is answered as wanted."""
    ended = time.monotonic() + PATIENCE
    while True:
        with page.expect_response(lambda answer: "/api/" in answer.url) as caught:
            page.click(f"#try-{name} button[type=submit]")
        told = caught.value.json()
        if caught.value.ok and done(told):
            return
        if not caught.value.ok or time.monotonic() > ended:
            raise RuntimeError(f"{name} was answered {told}")
        time.sleep(0.5)


def main() -> None:
    """Draw on a shop of our own."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("This needs Chromium; on Debian: apt-get install chromium")
    with demo_shop() as said, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        (url,), (secret,) = re.findall(r"http://[\d.:]+(?=/api/v1)", said), re.findall(r"yts_[\w-]+", said)
        draw(browser, url, re.findall(r"ytm_[\w-]+", said)[0], secret, PICTURE)
        browser.close()
    sys.stdout.write(f"{PICTURE.relative_to(Path.cwd())}\n")


if __name__ == "__main__":
    main()
