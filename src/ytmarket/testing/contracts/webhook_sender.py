"""What every sender of webhooks promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ytmarket.application.ports.webhook_sender import WebhookSender
from ytmarket.domain.limits import WEBHOOK_TIMEOUT
from ytmarket.testing.contracts import receiver as behaviours
from ytmarket.testing.contracts.base import Contract
from ytmarket.testing.contracts.receiver import Behaviour, LoopbackReceiver, Receiver, loopback_receiver

BODY = '{"order_id": 1, "items": ["ключ"]}'.encode() + bytes(range(256))
HEADERS = {"Content-Type": "application/json", "X-Webhook-Id": "evt_1"}
GRACE_SECONDS = 1.5  # for closing what was open, on a busy machine


class WebhookSenderContract(Contract):
    """The promises of the `WebhookSender` port that any sender keeps, one that only records too.

    Needs the fixtures `sender` and `receiver`: where it sends to.
    """

    @pytest.mark.parametrize("status", [200, 204, 299, 301, 307, 400, 404, 410, 429, 500, 503])
    async def test_it_answers_the_status(
        self, sender: WebhookSender, receiver: Receiver, status: int
    ) -> None:
        receiver.answer(status)
        assert await sender.post(receiver.url, BODY, HEADERS) == status

    async def test_no_answer_is_none(self, sender: WebhookSender, receiver: Receiver) -> None:
        receiver.answer(None)
        assert await sender.post(receiver.url, BODY, HEADERS) is None

    async def test_body_and_headers_arrive_as_they_were_given(
        self, sender: WebhookSender, receiver: Receiver
    ) -> None:
        await sender.post(receiver.url, BODY, HEADERS)
        (arrived,) = receiver.arrived
        assert arrived.body == BODY
        assert {name.lower(): value for name, value in HEADERS.items()}.items() <= arrived.headers.items()

    async def test_after_one_without_an_answer_the_next_is_sent(
        self, sender: WebhookSender, receiver: Receiver
    ) -> None:
        receiver.answer(None)
        await sender.post(receiver.url, b"one", HEADERS)
        receiver.answer(200)
        assert await sender.post(receiver.url, b"two", HEADERS) == 200
        assert receiver.arrived[-1].body == b"two"


class HttpSenderContract(WebhookSenderContract):
    """The promises of a `WebhookSender` that really sends.

    Needs the fixtures `sender`, one that may connect to loopback, and `strict_sender`, one that may
    not. `deadline_seconds` says when `sender` gives up; override it if that is not ten seconds.
    """

    @pytest.fixture
    async def receiver(self) -> AsyncIterator[LoopbackReceiver]:
        async with loopback_receiver() as receiver:
            yield receiver

    @pytest.fixture
    def deadline_seconds(self) -> float:
        return WEBHOOK_TIMEOUT.total_seconds()

    async def test_what_nobody_answers_is_none(self, sender: WebhookSender) -> None:
        async with loopback_receiver() as gone:
            url = gone.url
        assert await sender.post(url, BODY, HEADERS) is None

    @pytest.mark.parametrize(
        "url", ["", "nothing", "ftp://127.0.0.1/", "http://", "http://[", "http://127.0.0.1:99999/"]
    )
    async def test_what_is_no_url_is_none(self, sender: WebhookSender, url: str) -> None:
        assert await sender.post(url, BODY, HEADERS) is None

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0"]
    )
    async def test_a_private_address_is_never_connected_to(
        self, strict_sender: WebhookSender, receiver: LoopbackReceiver, host: str
    ) -> None:
        url = receiver.url.replace("127.0.0.1", host)
        assert await strict_sender.post(url, BODY, HEADERS) is None
        assert receiver.connections == 0

    async def test_no_redirect_is_followed(self, sender: WebhookSender, receiver: LoopbackReceiver) -> None:
        async with loopback_receiver() as elsewhere:
            receiver.redirect(elsewhere.url)
            assert await sender.post(receiver.url, BODY, HEADERS) == 307
            assert elsewhere.connections == 0

    async def test_an_endless_answer_is_cut_off(
        self, sender: WebhookSender, receiver: LoopbackReceiver, deadline_seconds: float
    ) -> None:
        receiver.behave = behaviours.endless
        async with asyncio.timeout(deadline_seconds + GRACE_SECONDS):
            assert await sender.post(receiver.url, BODY, HEADERS) in {200, None}

    @pytest.mark.parametrize("behaviour", [behaviours.silence, behaviours.dripping])
    async def test_it_never_takes_longer_than_its_deadline(
        self,
        sender: WebhookSender,
        receiver: LoopbackReceiver,
        deadline_seconds: float,
        behaviour: Behaviour,
    ) -> None:
        receiver.behave = behaviour
        async with asyncio.timeout(deadline_seconds + GRACE_SECONDS):
            assert await sender.post(receiver.url, BODY, HEADERS) is None

    async def test_it_never_raises_for_what_the_receiver_does(
        self, sender: WebhookSender, receiver: LoopbackReceiver
    ) -> None:
        receiver.behave = behaviours.garbage
        assert await sender.post(receiver.url, BODY, HEADERS) is None
