"""Which texts are URLs that a webhook can be sent to.

Only the words are judged here, not where they lead: a private or unknown host is an address like any
other, to which the sender will not connect.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.limits import WEBHOOK_URL_CHARS_MAX

POINTER: Final = "/webhook_url"
SCHEMES: Final = ("http", "https")
HOST_CHARS_MAX: Final = 253
LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
# What RFC 3986 leaves no place for. A backslash is read as a slash by some and as a letter by others.
FORBIDDEN: Final = frozenset('\\<>"^`{|}')


def parse_webhook_url(text: str) -> None:
    """Raises `InvalidRequest` with what is wrong, unless this is an absolute http or https URL."""
    if len(text) > WEBHOOK_URL_CHARS_MAX:
        raise _refused(f"must have at most {WEBHOOK_URL_CHARS_MAX} characters")
    if " " in text or not text.isprintable():
        raise _refused("must not contain spaces or control characters")
    if FORBIDDEN.intersection(text):
        raise _refused('must not contain any of \\ < > " ^ ` { | }; percent-encode them')
    parts = _split(text)
    if parts.scheme not in SCHEMES or not text[len(parts.scheme) :].startswith("://"):
        raise _refused("must start with http:// or https://")
    if "@" in parts.netloc:
        raise _refused("must not contain a user name or password")
    _check_port(parts)
    _check_host(parts)


def ascii_name(host: str) -> str:
    """The one spelling of a domain name that a host stands for. Raises `UnicodeError` if for none."""
    return host.encode("idna").decode("ascii").removesuffix(".").lower()


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise _refused("is not a URL: its host is malformed") from None


def _check_port(parts: SplitResult) -> None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise _refused("must have a port from 1 to 65535, or none")


def _check_host(parts: SplitResult) -> None:
    host = parts.hostname or ""
    if not host:
        raise _refused("must name a host")
    if parts.netloc.startswith("["):
        _check_ipv6(host, behind=parts.netloc.rpartition("]")[2])
        return
    try:
        name = ascii_name(host)
    except UnicodeError:
        raise _refused("has a host that is no domain name") from None
    if len(name) > HOST_CHARS_MAX or not all(LABEL.fullmatch(label) for label in name.split(".")):
        raise _refused("has a host that is no domain name")


def _check_ipv6(host: str, behind: str) -> None:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        raise _refused("has a host in brackets that is no IPv6 address") from None
    if behind and not behind.startswith(":"):
        raise _refused("has something other than a port behind its IPv6 address")
    if address.scope_id is not None:
        raise _refused("must not name a zone of this machine")


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest(pointer=POINTER, problem=problem)
