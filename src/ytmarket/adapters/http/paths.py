"""What paths end in: numbers, and the names of keys and events."""

from __future__ import annotations

from ytmarket.adapters.http.exchange import Exchange
from ytmarket.adapters.http.wire.bodies import ID_MAX
from ytmarket.domain.errors import NotFound

NAME_CHARS_MAX = 64
DIGITS_MAX = len(str(ID_MAX))


def path_id(exchange: Exchange, absent: type[NotFound]) -> int:
    """The number that the path ends in; what is no number names nothing, hence raises *absent*."""
    text = exchange.path_parameter("id")
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX and 0 < int(text) <= ID_MAX):
        raise absent
    return int(text)


def path_name(exchange: Exchange, part: str, absent: type[NotFound]) -> str:
    """A short name of ASCII letters, digits and underscores; anything else raises *absent*."""
    text = exchange.path_parameter(part)
    if len(text) > NAME_CHARS_MAX or not (text.isascii() and text.replace("_", "x").isalnum()):
        raise absent
    return text
