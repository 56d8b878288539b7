"""From a request's JSON to one of its types, or to what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from ytmarket.adapters.http.wire.money import Amount
from ytmarket.adapters.http.wire.text import escaped, read_object
from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidRequest

B = TypeVar("B", bound=msgspec.Struct)

ID_MAX: Final = limits.ID_MAX
_PLACE: Final = re.compile(r"(?P<message>.*) - at `\$(?P<path>.*)`\Z", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
WORDS: Final = {
    "int": "a whole number",
    "decimal": "a decimal number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_MEMBER: Final = re.compile(r"Object (missing required|contains unknown) field `(.*)`\Z", re.DOTALL)


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request may say, and nothing else."""


def read(kind: type[B], body: bytes) -> B:
    """Raises `InvalidRequest` with a pointer to what is wrong."""
    tree = read_object(body)
    try:
        return msgspec.convert(tree, kind, dec_hook=_custom)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), tree) from None


def _custom(kind: type, value: object) -> Any:
    if kind is Amount:
        return Amount.read(value)
    raise NotImplementedError(kind)


def _invalid(message: str, tree: Mapping[str, object]) -> InvalidRequest:
    """A message of msgspec's, with its place as a JSON pointer.

    A member may be named as the message goes on, so it is looked for in the *tree* first.
    """
    pointer = ""
    member = _MEMBER.match(message)
    if (member is None or member[2] not in tree) and (found := _PLACE.match(message)) is not None:
        message = found["message"]
        pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(found["path"]))
        member = _MEMBER.match(message)
    if member is None:
        return InvalidRequest(pointer=pointer, problem=_plain(message))
    problem = "is required" if member[1] == "missing required" else "is not a field of this request"
    return InvalidRequest(pointer=f"{pointer}/{escaped(member[2])}", problem=problem)


def _plain(message: str) -> str:
    """In JSON's words rather than Python's."""
    for ours, theirs in WORDS.items():
        message = message.replace(f"`{ours}`", theirs).replace(f"`{ours} | null`", theirs)
    return message[:1].lower() + message[1:]
