"""Numbers in paths."""

from __future__ import annotations

from ytmarket.adapters.http.exchange import Exchange
from ytmarket.adapters.http.wire.bodies import ID_MAX
from ytmarket.domain.errors import NotFound

DIGITS_MAX = len(str(ID_MAX))


def path_id(exchange: Exchange, absent: type[NotFound]) -> int:
    """The number that the path ends in; what is no number names nothing, hence raises *absent*."""
    text = exchange.path_parameter("id")
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX and 0 < int(text) <= ID_MAX):
        raise absent
    return int(text)
