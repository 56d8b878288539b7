"""What must not be written to a log, and how it is told from the rest.

Two nets: the names under which secrets travel, and the shapes by which their text is known. The second
is drawn over the finished line, so that exceptions, reprs and other libraries' messages pass it as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from ytmarket.domain.api_keys import KEY_PREFIX, SECRET_PREFIX

REDACTED: Final = "[redacted]"
SECRET_NAMES: Final = re.compile(
    r"(^|_)(secrets?|pass(word|wd|phrase)?|tokens?|api_?keys?|master_?keys?|private_?key|authorization|cookie"
    r"|signature|credentials?|dsn|database_url|redis_url|items|payloads?|plain|body)(_|$)"
)
SECRET_SHAPES: Final = (
    (re.compile(rf"({KEY_PREFIX}|{SECRET_PREFIX})[A-Za-z0-9_-]{{16,}}"), rf"\1{REDACTED}"),
    (re.compile(r"(?<![0-9])[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"), REDACTED),  # a Telegram bot's
    (re.compile(r"(?i)\b(bearer|basic) +[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?<=://)[^\s/@\"']*:[^\s/@\"']+(?=@)"), REDACTED),
    (re.compile(r"(?i)\b(password=)('[^']*'|[^\s'\"]+)"), rf"\1{REDACTED}"),
)
DEPTH_MAX: Final = 6
LITERAL_CHARS_MIN: Final = 6  # hiding shorter ones would blot out ordinary words


@attrs.frozen
class Redactor:
    """Hides secrets in log entries. *literals* are this process's own: its admin token, its master key."""

    literals: tuple[str, ...] = attrs.field(default=(), repr=False)

    @classmethod
    def of(cls, literals: Iterable[str]) -> Redactor:
        """The longest first, so that none hides only part of another; each as JSON writes it as well."""
        known = {text for text in literals if len(text) >= LITERAL_CHARS_MIN}
        known |= {json.dumps(text)[1:-1] for text in known}
        return cls(tuple(sorted(known, key=len, reverse=True)))

    def hide_named(self, _logger: Any, _method: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """A structlog processor: replace the values that stand under a secret's name."""
        return {name: _without(name, value, DEPTH_MAX) for name, value in entry.items()}

    def hide_shapes(self, line: str) -> str:
        """The finished line without anything that looks like a secret."""
        for literal in self.literals:
            line = line.replace(literal, REDACTED)
        for shape, replacement in SECRET_SHAPES:
            line = shape.sub(replacement, line)
        return line


def is_secret(name: object) -> bool:
    """Whether what stands under this name (a field, a header) is not for logs."""
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return isinstance(text, str) and bool(SECRET_NAMES.search(text.lower().replace("-", "_")))


def _without(name: object, value: Any, depth: int) -> Any:
    if is_secret(name):
        return None if value is None else REDACTED
    if depth == 0:
        return value
    if isinstance(value, Mapping):
        return {key: _without(key, inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and is_secret(value[0]):  # a header
        return (value[0], REDACTED)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_without(None, inner, depth - 1) for inner in value]
    return value
