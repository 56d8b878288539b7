"""Which signatures were used up, and what requests with an idempotency key were answered."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.domain import limits
from ytmarket.domain.errors import IdempotencyInFlight
from ytmarket.domain.idempotency import Attempt, StoredAnswer
from ytmarket.domain.ids import ApiKeyId
from ytmarket.domain.signatures import UsedSignature

# Waits for whoever is using the same signature up at this moment.
USE: Final = """
    insert into used_signature (api_key_id, digest, at) values (%s, %s, %s) on conflict do nothing
"""
# A key in two requests at once: the second is told so rather than kept waiting.
HOLD: Final = """
    select pg_try_advisory_xact_lock(hashtextextended('idempotency:' || %s::bigint || ':' || %s, 0))
"""
# A statement of its own after the lock, so that it sees what the lock's last holder committed.
STORED: Final = "select digest, answer, at from idempotency where api_key_id = %s and key = %s"
KEEP: Final = """
    insert into idempotency (api_key_id, key, digest, answer, at) values (%s, %s, %s, %s, %s)
"""
FORGET_SIGNATURES: Final = """
    delete from used_signature using (
        select api_key_id, digest from used_signature
        where at <= %s order by at limit %s for update skip locked
    ) old
    where used_signature.api_key_id = old.api_key_id and used_signature.digest = old.digest
"""
FORGET_ANSWERS: Final = """
    delete from idempotency using (
        select api_key_id, key from idempotency
        where at <= %s order by at limit %s for update skip locked
    ) old
    where idempotency.api_key_id = old.api_key_id and idempotency.key = old.key
"""


@attrs.frozen
class PostgresRequests:
    """The `RequestRepository` port."""

    _connection: Connection

    async def use_signature(self, signature: UsedSignature, now: datetime) -> bool:
        used = await self._connection.execute(USE, (signature.api_key_id, signature.digest, now))
        return used.rowcount == 1

    async def hold(self, api_key: ApiKeyId, attempt: Attempt) -> StoredAnswer | None:
        name = (api_key, attempt.key)
        held = await (await self._connection.execute(HOLD, name)).fetchone()
        if held is None or not held[0]:
            raise IdempotencyInFlight
        row = await (await self._connection.execute(STORED, name)).fetchone()
        return None if row is None else StoredAnswer(digest=row[0], answer=row[1], at=row[2])

    async def keep(self, api_key: ApiKeyId, attempt: Attempt, answer: bytes, now: datetime) -> None:
        await self._connection.execute(KEEP, (api_key, attempt.key, attempt.digest, answer, now))

    async def forget(self, now: datetime, *, limit: int) -> int:
        signatures = await self._connection.execute(FORGET_SIGNATURES, (now - limits.SIGNATURE_KEPT, limit))
        left = limit - signatures.rowcount
        answers = await self._connection.execute(FORGET_ANSWERS, (now - limits.IDEMPOTENCY_KEPT, left))
        return signatures.rowcount + answers.rowcount
