"""What a page names exists: files, headings, commands, options, settings, requests, code."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from starlette.routing import Match

from tests.docs.reading import PAGES, ROOT, anchors, blocks, commands, links, name, spans, text
from ytmarket.adapters.http.app import ShopHolder, build_app
from ytmarket.entrypoints.cli import app as command_line
from ytmarket.entrypoints.settings import NOT_OURS, Settings, table

PLACE: Final = re.compile(r"(?:src|docs|tests|tools|examples|bench)/[\w./-]*\w")
VARIABLE: Final = re.compile(r"\bYTMARKET_[A-Z_]*[A-Z]\b")
REQUEST: Final = re.compile(r"\b(GET|POST|PUT|DELETE) (/api/[\w/{}.-]+)")


def broken_links(page: Path, told: str) -> Iterator[str]:
    for link in links(told):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        inside = target.exists() and ROOT in [target, *target.parents]
        if not inside or (anchor and anchor not in anchors(text(target))):
            yield link


def unknown_commands(told: str) -> Iterator[str]:
    """Lines with a command or option of `ytmarket` that no --help lists; `-u ytmarket` is a user."""
    for line in commands(told):
        for words in re.findall(r"(?:^|(?<!-u)[\s/])ytmarket((?: +[^\s|;&']+)+)", line):
            if not _is_known(typer.main.get_command(command_line), words.split()):
                yield line.strip()


def _is_known(command: Any, words: list[str]) -> bool:
    group = getattr(command, "commands", None)
    alone = getattr(command, "invoke_without_command", False)
    if group and not (alone and (not words or words[0].startswith("--"))):
        return bool(words) and words[0] in group and _is_known(group[words[0]], words[1:])
    options = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    return all(word.partition("=")[0] in options | {"--help"} for word in words if word.startswith("--"))


def unknown_targets(told: str) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    for line in commands(told):
        for words in re.findall(r"(?:^|\s)make((?: +[a-z-]+)+)", line):
            yield from (target for target in words.split() if target not in targets)


def unknown_places(told: str) -> Iterator[str]:
    for span in spans(told):
        if PLACE.fullmatch(span.rstrip("/")) and not (ROOT / span).exists():
            yield span


def unknown_variables(told: str) -> Iterator[str]:
    known = {variable for variable, _, _ in table()} | NOT_OURS
    yield from (variable for variable in VARIABLE.findall(told) if variable not in known)


def unknown_requests(told: str) -> Iterator[str]:
    served = build_app(holder=ShopHolder(None), admin_tokens={"ops": "a token"}).routes
    for method, path in REQUEST.findall(told):
        scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        found = next(route for route in served if route.matches(scope)[0] is not Match.NONE)
        handlers = getattr(getattr(found, "endpoint", None), "handlers", {})
        if method not in handlers:
            yield f"{method} {path}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_a_page_names_exists(page: Path) -> None:
    told = text(page)
    assert list(broken_links(page, told)) == []
    assert list(unknown_commands(told)) == []
    assert list(unknown_targets(told)) == []
    assert list(unknown_places(told)) == []
    assert list(unknown_variables(told)) == []
    assert list(unknown_requests(told)) == []


def test_every_setting_is_documented() -> None:
    told = text(ROOT / "docs/settings.md")
    assert [variable for variable, _, _ in table() if f"| `{variable}` |" not in told] == []
    assert len(table()) == len(Settings.__attrs_attrs__)


def test_the_readme_maps_the_tree() -> None:
    (tree,) = blocks(text(ROOT / "README.md"), "text")
    folders: list[str] = []
    for line in tree.splitlines():
        indent, folder = re.match(r"( *)(\S+/)", line).groups()  # type: ignore[union-attr] # a mapless line fails here
        folders[len(indent) // 2 :] = [folder]
        assert (ROOT / "".join(folders)).is_dir(), line
    rooms = {path.name for path in (ROOT / "src/ytmarket").rglob("*/") if (path / "__init__.py").exists()}
    told = set(re.findall(r"(\w+)/", tree))
    assert {"domain", "application", "adapters", "entrypoints", "testing"} <= told & rooms
    adapters = {path.parent.name for path in (ROOT / "src/ytmarket/adapters").glob("*/__init__.py")}
    assert adapters <= told


def test_the_glossary_knows_the_code() -> None:
    entries = re.findall(r"^- \*\*(.+?)\*\*.*`([\w.]+)`$", text(ROOT / "docs/glossary.md"), re.MULTILINE)
    bullets = [line for line in text(ROOT / "docs/glossary.md").splitlines() if line.startswith("- ")]
    assert len(entries) == len(bullets) > 50
    assert [f"{word}: {place}" for word, place in entries if not _resolves(f"ytmarket.{place}")] == []


def _resolves(dotted: str) -> bool:
    """Whether there is such a module, or such a name in one, as deep as it goes."""
    parts = dotted.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:depth]))
        except ModuleNotFoundError:
            continue
        for part in parts[depth:]:
            fields = getattr(found, "__attrs_attrs__", ())
            if not hasattr(found, part) and part not in [field.name for field in fields]:
                return False
            found = getattr(found, part, None)
        return True
    return False


PLANTED = [
    (unknown_commands, "run `ytmarket fly`"),
    (unknown_commands, "run `ytmarket keys forge Ann`"),
    (unknown_commands, "run `ytmarket keys`, a group"),
    (unknown_commands, "run `ytmarket audit --turbo`"),
    (unknown_commands, "run `ytmarket audit forge`"),
    (unknown_commands, "```sh\n.venv/bin/ytmarket serve --turbo\n```"),
    (unknown_commands, "```sh\nA=b ytmarket serve \\\n  --port 1 --turbo\n```"),
    (unknown_targets, "```sh\nSTRICT=1 make lint tset\n```"),
    (unknown_places, "see `src/ytmarket/domain/magic.py`"),
    (unknown_variables, "set `YTMARKET_TRUN_WALLET`"),
    (unknown_requests, "`POST /api/v1/balance`"),
    (unknown_requests, "`GET /api/v1/wishes`"),
]


@pytest.mark.parametrize(("look", "planted"), PLANTED, ids=[planted for _, planted in PLANTED])
def test_a_planted_mistake_is_found(look: Any, planted: str) -> None:
    assert len(list(look(planted))) == 1


@pytest.mark.parametrize(
    "innocent",
    [
        "```sh\nytmarket serve --demo   # ytmarket fly\n```",
        '```sh\nYTMARKET_DATA_DIR=x ytmarket keys mint "Ann\'s shop" --no-secret\n```',
        "```sh\nSTRICT=1 make lint test CHAINS=1\n```",
        "see `src/ytmarket/domain/` and `pyproject.toml`",
        "`POST /api/v1/orders`, `GET /api/v1/orders/789`, `PUT /api/admin/products/1`",
        "`ytmarket audit`, `ytmarket audit --limit 5`, `ytmarket audit verify`",
        "`ytmarket settings --json`, `ytmarket.domain`, `ytmarket[server]`",
    ],
)
def test_what_exists_is_let_through(innocent: str) -> None:
    looks = (unknown_commands, unknown_targets, unknown_places, unknown_variables, unknown_requests)
    assert [found for look in looks for found in look(innocent)] == []


@pytest.mark.parametrize("link", ["nowhere.md", "README.md#no-such-heading", "#nor-this", "../../outside"])
def test_a_planted_link_is_found(link: str) -> None:
    assert list(broken_links(ROOT / "README.md", f"[there]({link})")) == [link]
