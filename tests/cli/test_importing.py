"""Catalogue and stock from files: what is right goes in as a whole, what is wrong is named by its line."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import Terminal
from ytmarket.entrypoints import terminal as terminal_module
from ytmarket.entrypoints.importing import ImportRefused, read_products, read_units
from ytmarket.entrypoints.settings import SettingsError

CATALOGUE = """\
id,sku,title,category,price_usdt,min_quantity
1,A,"An account, new",mail,8.50,
2,B,Another,games,0.12,10
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def mistakes(refusal: pytest.ExceptionInfo[ImportRefused], file: Path) -> list[str]:
    return [line.removeprefix(f"{file}:") for line in str(refusal.value).splitlines()[1:]]


def test_products_and_units_go_in(terminal: Terminal) -> None:
    catalogue = terminal.folder / "catalogue.csv"
    catalogue.write_text("\ufeff" + CATALOGUE, "utf-8")
    assert terminal.types("catalog", "import", catalogue).strip() == "2 products are in the catalogue."
    changed = terminal.folder / "changed.jsonl"
    product = {
        "id": 2,
        "sku": "B",
        "title": "Новый",
        "category": "games",
        "price_usdt": 0.15,
        "min_quantity": 20,
    }
    changed.write_text(json.dumps(product) + "\n\n", "utf-8")
    terminal.types("catalog", "import", changed)
    assert terminal.sql("select id, sku, title, price, min_quantity from product order by id") == [
        (1, "A", "An account, new", 8_500_000, 1),
        (2, "B", "Новый", 150_000, 20),
    ]
    units = terminal.folder / "units.jsonl"
    units.write_text("".join(f'{{"login": "{n}", "n": 1.50}}\n' for n in range(3_000)), "utf-8")
    assert "3000 units added; 3000 are available." in terminal.types("stock", "import", 1, units)
    more = terminal.folder / "more.csv"
    more.write_text('login,password\nann,"x,\ny"\nbob,z\n', "utf-8")
    assert "2 units added; 3002 are available." in terminal.types("stock", "import", 1, more)
    acts = [(row["action"], row["target"]) for row in terminal.rows("audit")]
    assert acts == [
        ("product.stock", "product:1"),
        ("product.stock", "product:1"),
        ("catalog.import", "catalog:products"),
        ("catalog.import", "catalog:products"),
    ]
    assert "books are true" in terminal.types("verify")


@pytest.mark.parametrize("command", [("catalog", "import"), ("stock", "import", 1)])
def test_how_far_it_is_stands_beside_the_output(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...]
) -> None:
    catalogue = terminal.folder / "catalogue.csv"
    catalogue.write_text(CATALOGUE, "utf-8")
    terminal.types("catalog", "import", catalogue)
    screen = StringIO()
    monkeypatch.setattr(terminal_module, "err", Console(file=screen, force_terminal=True, width=100))
    output = terminal.types(*command, catalogue)
    assert "2/2" in screen.getvalue() and "writing" in screen.getvalue()
    assert "2/2" not in output


def test_duplicates_are_named_by_their_line_and_nothing_is_added(terminal: Terminal) -> None:
    catalogue = terminal.folder / "catalogue.csv"
    catalogue.write_text(CATALOGUE, "utf-8")
    terminal.types("catalog", "import", catalogue)
    units = terminal.folder / "units.csv"
    units.write_text("login\nann\nbob\n", "utf-8")
    terminal.types("stock", "import", 1, units)
    for text, line in (("login\ncid\nann\ndan\n", 3), ("login\ncid\n\ncid\n", 4), ("login\nbob\n", 2)):
        units.write_text(text, "utf-8")
        with pytest.raises(ImportRefused, match=rf"units.csv:{line}: this unit stands in the file twice"):
            terminal.types("stock", "import", 1, units)
    assert terminal.sql("select available from product where id = 1") == [(2,)]
    taken = terminal.folder / "taken.csv"
    taken.write_text("id,sku,title,category,price_usdt\n3,C,C,c,1\n4,A,A,a,1\n", "utf-8")
    with pytest.raises(ImportRefused, match=r"taken.csv:3: another product has the sku 'A'"):
        terminal.types("catalog", "import", taken)
    assert terminal.sql("select count(*) from product") == [(2,)]
    with pytest.raises(Exception, match="no product"):
        terminal.types("stock", "import", 77, units)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("x,A,T,c,1", ["2: id: must be a whole number from 1"]),
        ("0,A,T,c,1", ["2: id: must be a whole number from 1"]),
        ("1,A,T,c,1.001", ["2: price_usdt: must have at most two decimals"]),
        ("1,A,T,c,0", ["2: price_usdt: must be more than 0"]),
        (
            "1,A,T,c,1e3",
            ["2: price_usdt: must be an amount of USDT: plain digits, with at most six decimals"],
        ),
        ("1,A,T,c", ["2: has 4 columns, and the header 5"]),
        ("1,A,T,c,1,7", ["2: has 6 columns, and the header 5"]),
        ("1,A,T,c,1\n1,B,T,c,1", ["3: the same id as in line 2"]),
        ("1,A,T,c,1\n\n2,A,T,c,1", ["4: the same sku as in line 2"]),
        ('1,A,"T\nwith a second line",c,1\n2,B,T,c,x\n', None),
        ('1,"A,T,c,1', ["2: is no CSV: unexpected end of data"]),
        ("1,A,T,c,-1\n2,B,T,c,x", None),
    ],
)
def test_products_that_cannot_be(file: Path, rows: str, told: list[str] | None) -> None:
    file.write_text(f"id,sku,title,category,price_usdt\n{rows}\n", "utf-8")
    with pytest.raises(ImportRefused) as refusal:
        read_products(file)
    found = mistakes(refusal, file)
    if told is None:
        assert found[-1].startswith(("4: price_usdt", "3: price_usdt"))
    else:
        assert found == told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1]", "2: the body must be a JSON object"),
        ("{", "2: the body is not JSON"),
        ('{"a": NaN}', "2: a: must not be NaN"),
        ('{"a": 1, "a": 2}', "2: a: stands here twice"),
        ('{"a": 1e400}', "2: a: must be a number without an exponent"),
        ('{"a": "\\u0000"}', "2: a: must not contain a NUL character"),
    ],
)
def test_units_that_cannot_be(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "units.jsonl"
    file.write_text('{"a": 1}\n' + line + "\n", "utf-8")
    with pytest.raises(ImportRefused) as refusal:
        read_units(file)
    assert mistakes(refusal, file)[0].startswith(told)


def test_units_are_kept_as_the_admin_api_keeps_them(tmp_path: Path) -> None:
    file = tmp_path / "units.jsonl"
    file.write_text('{ "b": 1.50, "a": "\\u044e" }\n', "utf-8")
    assert [line.content for line in read_units(file)] == ['{"b":1.50,"a":"ю"}'.encode()]


def test_many_mistakes_are_cut_short(file: Path) -> None:
    file.write_text("login\n" + "a,b\n" * 100, "utf-8")
    with pytest.raises(ImportRefused) as refusal:
        read_units(file)
    assert len(mistakes(refusal, file)) == 21
    assert str(refusal.value).endswith("and 80 more")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_units(tmp_path / "nowhere.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"login\n\xff\xfe\n")
    with pytest.raises(ImportRefused, match=r"binary.csv:2: is not UTF-8"):
        read_units(binary)
    twice = tmp_path / "twice.csv"
    twice.write_text("a,a\n1,2\n", "utf-8")
    with pytest.raises(ImportRefused, match=r"twice.csv:1: the header names a column twice"):
        read_units(twice)


def test_a_catalogue_in_another_encoding_is_named_by_its_first_such_line(file: Path) -> None:
    file.write_bytes(CATALOGUE.replace("Another", "Señor").encode("latin-1"))
    with pytest.raises(ImportRefused) as refusal:
        read_products(file)
    assert mistakes(refusal, file) == ["3: is not UTF-8; save the file as that"]


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("ID,sku,title,category,price_usdt", "id"),
        ("id,title,price_usdt", "sku, category"),
        ("id;sku;title;category;price_usdt", "id, sku, title, category, price_usdt"),
    ],
)
def test_a_header_without_a_column_is_told_once(file: Path, header: str, missing: str) -> None:
    file.write_text(f"{header}\n1,A,T,c,1\n2,B,T,c,1\n", "utf-8")
    with pytest.raises(ImportRefused) as refusal:
        read_products(file)
    assert mistakes(refusal, file) == [f"1: the header has no {missing}; names are separated by commas"]


@pytest.mark.parametrize("text", ["", "id,sku,title,category,price_usdt\n"])
def test_a_catalogue_without_products_is_refused(terminal: Terminal, text: str) -> None:
    empty = terminal.folder / "empty.csv"
    empty.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=r"empty.csv has no products in it"):
        terminal.types("catalog", "import", empty)
