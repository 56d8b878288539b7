"""Customers' keys: kept as hashes, found by fingerprint, locked while an operator changes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
import psycopg

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.domain.api_keys import AddressRange, ApiKey, Usage
from ytmarket.domain.errors import KeyNotFound
from ytmarket.domain.ids import AccountId, ApiKeyId

KEY_COLUMNS: Final = (
    "api_key.id, api_key.account_id, api_key.fp, api_key.label, api_key.sealed_secret, api_key.allowed,"
    " api_key.created_at, api_key.revoked_at"
)
"""What `key_of` reads, in its order; 8 columns."""

NEXT_ID: Final = "select nextval('api_key_number')"
ADD: Final = """
    insert into api_key (id, account_id, fp, label, sealed_secret, allowed, created_at, revoked_at, digest)
    values (%s, %s, %s, %s, %s, %s::text[]::cidr[], %s, %s, %s)
"""
BY_FP: Final = f"select {KEY_COLUMNS} from api_key where fp = %s for no key update"
REVOKE: Final = "update api_key set revoked_at = coalesce(revoked_at, %s) where id = %s"
WITH_SECRETS: Final = f"""
    select {KEY_COLUMNS} from api_key where id > %s and sealed_secret is not null
    order by id limit %s for no key update
"""
SET_SECRET: Final = "update api_key set sealed_secret = %s where id = %s"
# Rows are taken in the keys' order, so that two processes never wait for each other in a circle.
ADD_USAGE: Final = """
    insert into api_key_usage (api_key_id, requests, first_used_at, last_used_at, last_endpoint)
    select fresh.*
    from unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[])
        as fresh (id, requests, first_used_at, last_used_at, last_endpoint)
    join api_key using (id)
    order by fresh.id
    on conflict (api_key_id) do update set
        requests = api_key_usage.requests + excluded.requests,
        first_used_at = least(api_key_usage.first_used_at, excluded.first_used_at),
        last_used_at = greatest(api_key_usage.last_used_at, excluded.last_used_at),
        last_endpoint = case when excluded.last_used_at >= api_key_usage.last_used_at
            then excluded.last_endpoint else api_key_usage.last_endpoint end
"""
SET_ALLOWED: Final = "update api_key set allowed = %s::text[]::cidr[] where id = %s"


@attrs.frozen
class PostgresApiKeys:
    """The `ApiKeyRepository` port."""

    _connection: Connection

    async def next_id(self) -> ApiKeyId:
        row = await (await self._connection.execute(NEXT_ID)).fetchone()
        if row is None:
            raise psycopg.DataError("a sequence answered no row")
        return ApiKeyId(row[0])

    async def add(self, key: ApiKey, digest: bytes) -> None:
        values = (
            key.id,
            key.account_id,
            key.fp,
            key.label,
            key.sealed_secret,
            [str(allowed) for allowed in key.allowed],
            key.created_at,
            key.revoked_at,
            digest,
        )
        await self._connection.execute(ADD, values)

    async def by_fp(self, fp: str) -> ApiKey | None:
        row = await (await self._connection.execute(BY_FP, (fp,))).fetchone()
        return None if row is None else key_of(row)

    async def revoke(self, key: ApiKeyId, now: datetime) -> None:
        await self._change(REVOKE, (now, key))

    async def set_secret(self, key: ApiKeyId, sealed_secret: bytes) -> None:
        await self._change(SET_SECRET, (sealed_secret, key))

    async def with_secrets(self, after: ApiKeyId, *, limit: int) -> Sequence[ApiKey]:
        cursor = await self._connection.execute(WITH_SECRETS, (after, limit))
        return [key_of(row) async for row in cursor]

    async def set_allowed(self, key: ApiKeyId, allowed: Sequence[AddressRange]) -> None:
        await self._change(SET_ALLOWED, ([str(one) for one in allowed], key))

    async def add_usage(self, usage: Mapping[ApiKeyId, Usage]) -> None:
        counted = usage.values()
        columns = (
            list(usage),
            [one.requests for one in counted],
            [one.first_used_at for one in counted],
            [one.last_used_at for one in counted],
            [one.last_endpoint for one in counted],
        )
        await self._connection.execute(ADD_USAGE, columns)

    async def _change(self, statement: str, values: tuple[Any, ...]) -> None:
        changed = await self._connection.execute(statement, values)
        if changed.rowcount == 0:
            raise KeyNotFound


def key_of(row: tuple[Any, ...]) -> ApiKey:
    """The key in a row that begins with `KEY_COLUMNS`."""
    return ApiKey(
        id=ApiKeyId(row[0]),
        account_id=AccountId(row[1]),
        fp=row[2],
        label=row[3],
        sealed_secret=row[4],
        allowed=tuple(row[5]),
        created_at=row[6],
        revoked_at=row[7],
    )
