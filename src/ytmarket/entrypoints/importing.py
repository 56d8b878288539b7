"""Products and units from files: CSV or JSON Lines, read whole, every mistake named by its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import attrs

from ytmarket.adapters.http.wire.admin import read_product
from ytmarket.adapters.http.wire.bodies import ID_MAX
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.text import read_object
from ytmarket.domain.catalog import Product, check_price
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.ids import ProductId
from ytmarket.entrypoints.settings import SettingsError

MISTAKES_TOLD: Final = 20
LINES_OF_JSON: Final = {".jsonl", ".ndjson", ".json"}
PRODUCT_COLUMNS: Final = ("id", "sku", "title", "category", "price_usdt")

T = TypeVar("T")


class ImportRefused(SettingsError):
    """The file cannot be imported as it is; nothing was."""

    def __init__(self, file: Path, mistakes: list[tuple[int, str]]) -> None:
        told = [f"{file}:{number}: {problem}" for number, problem in mistakes[:MISTAKES_TOLD]]
        more = len(mistakes) - MISTAKES_TOLD
        if more > 0:
            told.append(f"and {more} more")
        super().__init__("nothing was imported\n" + "\n".join(told))


@attrs.frozen(kw_only=True)
class Line(Generic[T]):
    """What a line of the file says; lines are counted from 1, the header included."""

    number: int
    content: T


def read_products(file: Path) -> list[Line[Product]]:
    """Raises `ImportRefused`, also for an id or a sku that stands in the file twice."""
    lines = _read(file, _product, PRODUCT_COLUMNS)
    mistakes = []
    for name, of in (("id", _id_of), ("sku", _sku_of)):
        seen: dict[object, int] = {}
        for line in lines:
            first = seen.setdefault(of(line.content), line.number)
            if first != line.number:
                mistakes.append((line.number, f"the same {name} as in line {first}"))
    if mistakes:
        raise ImportRefused(file, sorted(mistakes))
    return lines


def read_units(file: Path) -> list[Line[bytes]]:
    """Each unit as compact JSON, as the admin API keeps it. Raises `ImportRefused`."""
    return _read(file, encode)


def _read(file: Path, make: Callable[[dict[str, Any]], T], columns: Sequence[str] = ()) -> list[Line[T]]:
    is_json = file.suffix.lower() in LINES_OF_JSON
    objects = _json_lines if is_json else partial(_csv_rows, columns=columns)
    found: list[Line[T]] = []
    mistakes: list[tuple[int, str]] = []
    try:
        for number, told in objects(file):
            try:
                found.append(Line(number=number, content=make(told())))
            except InvalidRequest as refusal:
                place = refusal.pointer.lstrip("/")
                mistakes.append((number, f"{place}: {refusal.problem}" if place else refusal.problem))
    except OSError as trouble:
        raise SettingsError(f"cannot read {file}: {trouble.strerror}") from None
    except UnicodeDecodeError:
        raise ImportRefused(file, [(_undecoded(file), "is not UTF-8; save the file as that")]) from None
    if mistakes:
        raise ImportRefused(file, mistakes)
    return found


def _json_lines(file: Path) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, partial(read_object, line.removeprefix(b"\xef\xbb\xbf"))


def _undecoded(file: Path) -> int:
    """The first line that is no UTF-8."""
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return number
    return 1


def _csv_rows(file: Path, *, columns: Sequence[str]) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, strict=True)
        try:
            header = next(rows, [])
            if len(set(header)) < len(header) or not all(header):
                raise ImportRefused(
                    file, [(1, "the header names a column twice, or leaves one without a name")]
                )
            missing = [name for name in columns if name not in header]
            if header and missing:
                problem = f"the header has no {', '.join(missing)}; names are separated by commas"
                raise ImportRefused(file, [(1, problem)])
            begin = rows.line_num + 1
            for row in rows:
                if row:
                    yield begin, partial(_as_object, header, row)
                begin = rows.line_num + 1
        except csv.Error as trouble:
            raise ImportRefused(file, [(rows.line_num, f"is no CSV: {trouble}")]) from None


def _as_object(header: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(header):
        raise InvalidRequest(pointer="", problem=f"has {len(row)} columns, and the header {len(header)}")
    if any("\0" in value for value in row):
        raise InvalidRequest(pointer="", problem="must not contain a NUL character")
    return dict(zip(header, row, strict=True))


def _product(told: dict[str, Any]) -> Product:
    number = _whole(told, "id", None)
    rest = {name: value for name, value in told.items() if name not in {"id", "min_quantity"}}
    minimum = _whole(told, "min_quantity", 1)
    product = read_product(ProductId(number), encode(rest | {"min_quantity": minimum}))
    check_price(product.price)
    return product


def _whole(told: dict[str, Any], name: str, default: int | None) -> int:
    """A number from JSON, or its digits from CSV."""
    value = told.get(name)
    if value in (None, "") and default is not None:
        return default
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(ID_MAX)):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= ID_MAX:
        raise InvalidRequest(pointer=f"/{name}", problem="must be a whole number from 1")
    return value


def _id_of(product: Product) -> object:
    return product.id


def _sku_of(product: Product) -> object:
    return product.sku
