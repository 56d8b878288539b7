"""Customers' keys in memory, found by the hash of a key or by its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import nsmallest

import attrs

from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.api_keys import AddressRange, ApiKey, Usage
from ytmarket.domain.errors import AlreadyDone, KeyNotFound
from ytmarket.domain.ids import ApiKeyId


@attrs.frozen
class InMemoryApiKeys:
    """The `ApiKeyRepository` port."""

    _state: State

    async def next_id(self) -> ApiKeyId:
        return ApiKeyId(next(self._state.key_numbers))

    async def add(self, key: ApiKey, digest: bytes) -> None:
        state = self._state
        if key.id in state.keys or digest in state.key_by_digest or key.fp in state.key_by_fp:
            raise AlreadyDone
        state.keys.put(key.id, key)
        state.key_by_digest.put(digest, key.id)
        state.key_by_fp.put(key.fp, key.id)

    async def by_fp(self, fp: str) -> ApiKey | None:
        key = self._state.key_by_fp.get(fp)
        return None if key is None else self._state.keys[key]

    async def revoke(self, key: ApiKeyId, now: datetime) -> None:
        known = self._key(key)
        self._put(attrs.evolve(known, revoked_at=known.revoked_at or now))

    async def set_secret(self, key: ApiKeyId, sealed_secret: bytes) -> None:
        self._put(attrs.evolve(self._key(key), sealed_secret=sealed_secret))

    async def with_secrets(self, after: ApiKeyId, *, limit: int) -> Sequence[ApiKey]:
        keys = self._state.keys.values()
        found = (key for key in keys if key.id > after and key.sealed_secret is not None)
        return nsmallest(limit, found, key=lambda key: key.id)

    async def set_allowed(self, key: ApiKeyId, allowed: Sequence[AddressRange]) -> None:
        self._put(attrs.evolve(self._key(key), allowed=tuple(allowed)))

    async def add_usage(self, usage: Mapping[ApiKeyId, Usage]) -> None:
        for key, later in usage.items():
            if key in self._state.keys:
                earlier = self._state.usage.get(key)
                self._state.usage.put(key, later if earlier is None else earlier.plus(later))

    def _key(self, key: ApiKeyId) -> ApiKey:
        known = self._state.keys.get(key)
        if known is None:
            raise KeyNotFound
        return known

    def _put(self, key: ApiKey) -> None:
        self._state.keys.put(key.id, key)
