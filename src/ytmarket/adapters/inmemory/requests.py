"""Used signatures and stored answers in memory."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import attrs

from ytmarket.adapters.inmemory.state import State
from ytmarket.domain import limits
from ytmarket.domain.errors import IdempotencyInFlight
from ytmarket.domain.idempotency import Attempt, StoredAnswer
from ytmarket.domain.ids import ApiKeyId
from ytmarket.domain.signatures import UsedSignature


@attrs.frozen
class InMemoryRequests:
    """The `RequestRepository` port.

    Units of work take turns here, so an attempt that another one holds is waited for rather than
    refused with IdempotencyInFlight; afterwards there is its answer, or the attempt is free.
    """

    _state: State

    async def use_signature(self, signature: UsedSignature, now: datetime) -> bool:
        if signature in self._state.signatures:
            return False
        self._state.signatures.put(signature, now)
        return True

    async def hold(self, api_key: ApiKeyId, attempt: Attempt) -> StoredAnswer | None:
        return self._state.answers.get((api_key, attempt.key))

    async def keep(self, api_key: ApiKeyId, attempt: Attempt, answer: bytes, now: datetime) -> None:
        keep_answer(self._state, api_key, attempt, answer, now)

    async def forget(self, now: datetime, *, limit: int) -> int:
        state = self._state
        used = now - limits.SIGNATURE_KEPT
        signatures = [key for key, at in state.signatures.items() if at <= used]
        answered = now - limits.IDEMPOTENCY_KEPT
        answers = [key for key, kept in state.answers.items() if kept.at <= answered]
        for signature in signatures[:limit]:
            state.signatures.drop(signature)
        dropped = len(signatures[:limit])
        for answer in islice(answers, limit - dropped):
            state.answers.drop(answer)
            dropped += 1
        return dropped


def keep_answer(state: State, api_key: ApiKeyId, attempt: Attempt, answer: bytes, now: datetime) -> None:
    """Raises `IdempotencyInFlight` when this attempt has an answer: nobody's effect happens twice."""
    name = (api_key, attempt.key)
    if name in state.answers:
        raise IdempotencyInFlight
    state.answers.put(name, StoredAnswer(digest=attempt.digest, answer=answer, at=now))
