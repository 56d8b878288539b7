"""Reads JSON more strictly than the standard does, so that no two readers can differ about a text.

Refused are: duplicate members, NaN and Infinity, exponents, numbers and nesting beyond reason, NUL
characters and lone surrogates in strings, and whatever is not UTF-8. Decimal numbers keep their digits.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, TypeAlias

import attrs

from ytmarket.domain.errors import InvalidRequest

NUMBER_CHARS_MAX: Final = 24
DEPTH_MAX: Final = 32
DEPTH_READ_MAX: Final = 200  # up to here the place of what is too deep is told; deeper text is not read
LONE_SURROGATES: Final = range(0xD800, 0xE000)

_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))

Pairs: TypeAlias = list[tuple[str, Any]]


class _Trouble(Exception):
    """Something in the text is refused; it is read again to tell where."""


@attrs.frozen
class _Unusable:
    """Stands where the text has something that is refused."""

    problem: str


def read_object(body: bytes) -> dict[str, Any]:
    """The object that is the whole body. Raises `InvalidRequest` with the place of what is wrong."""
    if _is_bottomless(body):
        raise _refused(_too_deep())
    try:
        tree = _read(body.decode())
    except UnicodeDecodeError:
        raise _refused("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _refused(_syntax(body, error)) from None
    except RecursionError:  # asked from deep within a program
        raise _refused(_too_deep()) from None
    if not isinstance(tree, dict):
        raise _refused("the body must be a JSON object")
    return tree


def _read(text: str) -> Any:
    try:
        tree = _STRICT.decode(text)
        # Only an escape can bring a NUL or a lone surrogate into text that was UTF-8.
        suspicious = "\\u" in text or _is_deeper(tree, DEPTH_MAX)
    except _Trouble:
        tree, suspicious = _MARKING.decode(text), True
    if suspicious:
        for pointer, problem in _troubles(tree, "", 0):
            raise InvalidRequest(pointer=pointer, problem=problem)
    return tree


def escaped(name: str) -> str:
    """A member's name as a part of a JSON pointer; what no UTF-8 text can hold is replaced."""
    plain = name.encode("utf-8", "replace").decode()
    return plain.replace("~", "~0").replace("/", "~1")


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest(pointer="", problem=problem)


def _syntax(body: bytes, error: json.JSONDecodeError) -> str:
    if not body.strip():
        return "the body is empty; send a JSON object"
    return f"the body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}"


def _too_deep() -> str:
    return f"must not be nested deeper than {DEPTH_MAX} levels"


def _is_bottomless(body: bytes) -> bool:
    """Whether the text is nested too deep to be read at all, as far as it is JSON.

    Counted before it is read: how much recursion Python's reader survives depends on the process it is in.
    """
    if body.count(b"[") + body.count(b"{") <= DEPTH_READ_MAX:
        return False
    # Between every other pair of quotes that are not escaped is no string.
    outside = b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    brackets = outside.translate(None, delete=_NO_BRACKETS)
    depths = accumulate(1 if bracket in b"[{" else -1 for bracket in brackets)
    return any(depth > DEPTH_READ_MAX for depth in depths)


def _decoder(complain: Callable[[str], Any]) -> json.JSONDecoder:
    """A decoder that asks *complain* what to put where something is refused."""

    def number(text: str) -> Any:
        if len(text) > NUMBER_CHARS_MAX:
            return complain(f"must not be a number of more than {NUMBER_CHARS_MAX} characters")
        return int(text)

    def fraction(text: str) -> Any:
        if len(text) > NUMBER_CHARS_MAX:
            return complain(f"must not be a number of more than {NUMBER_CHARS_MAX} characters")
        if "e" in text or "E" in text:
            return complain("must be a number without an exponent")
        return Decimal(text)

    def constant(name: str) -> Any:
        return complain(f"must not be {name}")

    def members(pairs: Pairs) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            times = Counter(name for name, _ in pairs)
            found |= {name: complain("stands here twice") for name, count in times.items() if count > 1}
        return found

    return json.JSONDecoder(
        parse_int=number, parse_float=fraction, parse_constant=constant, object_pairs_hook=members
    )


def _raise(problem: str) -> Any:
    raise _Trouble(problem)


_STRICT: Final = _decoder(_raise)
_MARKING: Final = _decoder(_Unusable)


def _children(tree: object) -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict):
        yield from ((escaped(name), value) for name, value in tree.items())
    elif isinstance(tree, list):
        yield from ((str(position), value) for position, value in enumerate(tree))


def _is_deeper(tree: object, levels: int) -> bool:
    if isinstance(tree, dict):
        inner: Any = tree.values()
    elif isinstance(tree, list):
        inner = tree
    else:
        return False
    return levels == 0 or any(_is_deeper(value, levels - 1) for value in inner)


def _troubles(tree: object, pointer: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every place that is refused, with the reason."""
    if isinstance(tree, _Unusable):
        yield pointer, tree.problem
    elif isinstance(tree, str):
        if (problem := _bad_text(tree)) is not None:
            yield pointer, problem
    elif depth > DEPTH_MAX:
        yield pointer, _too_deep()
    elif isinstance(tree, dict) and any(_bad_text(name) for name in tree):
        yield pointer, "has a member whose name holds a NUL character or a lone surrogate"
    else:
        for name, value in _children(tree):
            yield from _troubles(value, f"{pointer}/{name}", depth + 1)


def _bad_text(text: str) -> str | None:
    if "\0" in text:
        return "must not contain a NUL character"
    if not text.isascii() and any(ord(letter) in LONE_SURROGATES for letter in text):
        return "must not contain a lone surrogate"
    return None
