"""How an event reaches a client's server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class WebhookSender(Protocol):
    """Posts to addresses that strangers chose, and is not to be turned against us.

    * it answers the HTTP status, or None when there was none: refused, timed out, DNS or TLS;
    * an address that is private, loopback or link-local is never connected to, unless allowed;
    * no redirect is followed, and an endless answer is cut off;
    * it never takes longer than ten seconds, and never raises for what the receiver does.
    """

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None: ...
