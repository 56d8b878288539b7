"""A sender that sends nowhere: it keeps what it was given, and answers from a script."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

_OK: Final = 200


@attrs.frozen(kw_only=True)
class SentWebhook:
    """One post, as its receiver would have seen it."""

    url: str
    body: bytes
    headers: Mapping[str, str]


class RecordingWebhookSender:
    """The `WebhookSender` port. `script` holds the answers to come; when it is used up, 200."""

    def __init__(self, script: Iterable[int | None] = ()) -> None:
        self.script: deque[int | None] = deque(script)
        self.sent: list[SentWebhook] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        self.sent.append(SentWebhook(url=url, body=body, headers=dict(headers)))
        return self.script.popleft() if self.script else _OK
