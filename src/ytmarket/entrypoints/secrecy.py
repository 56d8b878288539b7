"""Which texts of the settings may stand in no log: the secret ones, and what is secret within a URL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

import attrs

from ytmarket.entrypoints.settings import Settings

SEGMENT_CHARS_MIN: Final = 16  # shorter words of a path or users, `v3` or `postgres`, are no keys


def secrets_of(settings: Settings) -> list[str]:
    """Every text under a setting that is secret, in all the parts in which it could be told."""
    found = {
        part
        for field in attrs.fields(Settings)
        if field.repr is False
        for text in _texts(getattr(settings, field.name))
        for part in _parts(text)
    }
    return sorted(found)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            yield from value.values()
        case tuple():
            yield from (text for text in value if isinstance(text, str))
        case _:
            pass


def _parts(text: str) -> Iterator[str]:
    yield text
    yield from (part.strip() for part in text.split(","))  # several master keys
    try:
        url = urlsplit(text)
        password = url.password
    except ValueError:
        return
    if not url.scheme or not url.netloc:
        return
    if password:
        yield from (password, unquote(password))
    # A user without a password is how TronGrid's key is written.
    values = [pair.partition("=")[2] for pair in url.query.split("&")]
    for part in (url.username or "", *url.path.split("/"), *values):
        if len(part) >= SEGMENT_CHARS_MIN:
            yield from (part, unquote(part), unquote_plus(part))
