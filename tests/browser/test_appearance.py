"""How the page looks and behaves: two screens, two themes, everybody's needs, a strict policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tools import picture

from tests.browser.conftest import Visit

pytestmark = pytest.mark.needs("chromium", modules=["playwright"])

PHONE, DESK = 390, 1280
LOOKS = [(width, scheme) for width in (PHONE, DESK) for scheme in ("light", "dark")]
RUN_AXE = "async () => (await axe.run()).violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html)])"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_page_fits_and_is_drawn(
    visit: Callable[..., Visit], tmp_path: Path, width: int, scheme: str
) -> None:
    guest = visit(width, scheme)
    page = guest.page
    guest.enter(guest.server.keys[1])
    guest.press("getProducts")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        "() => [...document.querySelectorAll('main *')].filter(e => !e.closest('pre, .scroller, .unseen')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert outside == []
    small = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, summary')]"
        ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
    )
    assert small == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(map(int, paper.removeprefix("rgb(").removesuffix(")").split(",")))
    assert (lightness > 600) == (scheme == "light")
    page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)
    assert (tmp_path / f"{width}-{scheme}.png").stat().st_size > 100_000
    guest.judge()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing(visit: Callable[..., Visit], axe: str, width: int, scheme: str) -> None:
    guest = visit(width, scheme)
    guest.enter(guest.server.keys[1])
    guest.press("getProducts")
    guest.page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    guest.page.evaluate(axe)
    assert guest.page.evaluate(RUN_AXE) == []


def test_on_a_phone_the_answer_appears_under_its_button(visit: Callable[..., Visit]) -> None:
    guest = visit(PHONE)
    guest.enter(guest.server.keys[1])
    guest.press("getUsage")
    assert (
        guest.page.evaluate("document.getElementById('result').previousElementSibling.id") == "try-getUsage"
    )
    assert guest.page.evaluate("document.getElementById('result-line').getBoundingClientRect().top < 900")


def test_on_a_phone_the_tables_with_sentences_need_no_scrolling(visit: Callable[..., Visit]) -> None:
    page = visit(PHONE).page
    wide = page.evaluate(
        "() => [...document.querySelectorAll('.scroller:has(.stacked)')]"
        ".filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel)"
    )
    assert page.locator(".stacked").count() > 10
    assert wide == []


def test_the_contents_tell_where_one_is(visit: Callable[..., Visit]) -> None:
    page = visit().page
    told = "document.querySelector('.contents [aria-current]').textContent"
    for place, part in (
        ("document.getElementById('errors').getBoundingClientRect().top - 100", "Errors"),
        ("document.documentElement.scrollHeight", "Changes"),
        ("-document.documentElement.scrollHeight", "Quick start"),
    ):
        page.evaluate(f"scrollBy(0, {place})")
        page.wait_for_function(f"part => {told} === part", arg=part)
    assert page.locator(".contents [aria-current]").count() == 1


def test_the_picture_of_the_readme_can_be_made_again(visit: Callable[..., Visit], tmp_path: Path) -> None:
    guest = visit()
    drawn = tmp_path / "playground.png"
    (minted,) = json.loads(guest.server.run("keys", "mint", "a painter", "--json").stdout)
    picture.draw(guest.page.context.browser, guest.server.url, minted["key"], minted["secret"], drawn)
    assert size_of(drawn) == size_of(picture.PICTURE) == (1200, 800)


def size_of(png: Path) -> tuple[int, int]:
    head = png.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def test_the_policy_holds(visit: Callable[..., Visit]) -> None:
    guest = visit()
    guest.judge()
    tried = guest.page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.inlineRan = true";
          document.body.append(script);
          const image = new Image();
          image.src = "http://127.0.0.2:9/pixel";
          const elsewhere = await fetch("http://127.0.0.2:9/").then(() => "sent", () => "stopped");
          document.body.setAttribute("style", "color: red");
          await new Promise((resolve) => setTimeout(resolve, 100));
          return [window.inlineRan ?? false, elsewhere, document.body.style.color];
        }"""
    )
    assert tried == [False, "stopped", ""]
    stopped = {directive.removesuffix("-elem").removesuffix("-attr") for directive in
               guest.page.evaluate("violations")}  # fmt: skip
    assert stopped == {"script-src", "img-src", "connect-src", "style-src"}


def test_examples_name_this_server_and_can_be_copied(visit: Callable[..., Visit]) -> None:
    guest = visit()
    page = guest.page
    assert "shop.example" not in page.inner_text("main")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#sdk-python + .code .copy")
    page.wait_for_function("() => document.getElementById('announcer').textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("import hashlib\n")
    assert f'BASE = "{guest.server.api}"' in copied
    guest.judge()


def test_a_problem_leads_to_its_row(visit: Callable[..., Visit]) -> None:
    guest = visit(path="/api/docs#insufficient_balance")
    row = guest.page.locator("tr:target")
    assert "insufficient_balance" in row.inner_text()
    assert row.is_visible()


def test_without_scripts_all_but_the_playground_is_there(visit: Callable[..., Visit]) -> None:
    guest = visit()
    context = guest.page.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{guest.server.url}/api/docs")
    assert "needs JavaScript" in page.inner_text("#playground")
    assert "POST" in page.inner_text("#postOrders")
    context.close()
