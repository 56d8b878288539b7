"""Where a node is reached, and with which key, as told from one URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import attrs

from ytmarket.application.endpoints import Endpoint
from ytmarket.application.ports.chain_reader import ChainMisconfigured

KEY_HEADER: Final = "TRON-PRO-API-KEY"
TRONGRID: Final = "trongrid.io"


@attrs.frozen
class Access:
    """How to call one node. What stands before the host is its key, or a user and a password."""

    _parts: SplitResult = attrs.field(repr=False)

    @classmethod
    def of(cls, endpoint: Endpoint) -> Access:
        """Raises `ChainMisconfigured` for what is no URL, and for TronGrid without a key."""
        try:
            parts = urlsplit(endpoint.url)
            is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            parts, is_usable = urlsplit(""), False
        if not is_usable:
            raise ChainMisconfigured(f"{endpoint} is no URL of the form https://node.example/")
        if _is_trongrid(str(parts.hostname)) and not parts.username:
            raise ChainMisconfigured(
                f"{endpoint} needs a key of your own, written before the host: https://KEY@api.{TRONGRID}"
            )
        return cls(parts)

    @property
    def headers(self) -> Mapping[str, str]:
        """The key, where there is one without a password."""
        user, password = self._parts.username, self._parts.password
        return {KEY_HEADER: unquote(user)} if user and password is None else {}

    @property
    def basic(self) -> tuple[str, str] | None:
        """User and password."""
        user, password = self._parts.username, self._parts.password
        return None if password is None else (unquote(user or ""), unquote(password))

    def url(self, call: str) -> str:
        """The URL of one call. A key in the path or the query stays where it is."""
        host = self._parts.netloc.rpartition("@")[2]
        path = f"{self._parts.path.rstrip('/')}/{call}"
        return urlunsplit((self._parts.scheme, host, path, self._parts.query, ""))


def _is_trongrid(host: str) -> bool:
    return host == TRONGRID or host.endswith(f".{TRONGRID}")
