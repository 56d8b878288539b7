"""Every sender of webhooks keeps the promises of the WebhookSender port."""

from __future__ import annotations

import attrs
import pytest

from ytmarket.adapters.inmemory import RecordingWebhookSender
from ytmarket.adapters.webhooks.sender import GuardedSender
from ytmarket.application.ports.webhook_sender import WebhookSender
from ytmarket.testing.contracts import Arrived, HttpSenderContract, Receiver, WebhookSenderContract


@attrs.frozen
class Script:
    """The recording sender seen from the other end."""

    _sender: RecordingWebhookSender
    url: str = "https://receiver.example/hook"

    @property
    def arrived(self) -> list[Arrived]:
        return [
            Arrived(body=sent.body, headers={name.lower(): value for name, value in sent.headers.items()})
            for sent in self._sender.sent
        ]

    def answer(self, status: int | None) -> None:
        self._sender.script.append(status)


class TestRecordingSender(WebhookSenderContract):
    @pytest.fixture
    def sender(self) -> RecordingWebhookSender:
        return RecordingWebhookSender()

    @pytest.fixture
    def receiver(self, sender: RecordingWebhookSender) -> Receiver:
        return Script(sender)

    async def test_without_a_script_all_is_accepted(self) -> None:
        sender = RecordingWebhookSender([503, None])
        statuses = [await sender.post("https://receiver.example", b"", {}) for _ in range(4)]
        assert statuses == [503, None, 200, 200]


class TestGuardedSender(HttpSenderContract):
    @pytest.fixture
    def deadline_seconds(self) -> float:
        return 1.0

    @pytest.fixture
    def sender(self, deadline_seconds: float) -> WebhookSender:
        return GuardedSender(allow_private=True, deadline_seconds=deadline_seconds)

    @pytest.fixture
    def strict_sender(self, deadline_seconds: float) -> WebhookSender:
        return GuardedSender(deadline_seconds=deadline_seconds)
