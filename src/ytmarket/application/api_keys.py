"""Customers' keys: minted once, checked with every request."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ytmarket.application.audit import Actor, audited
from ytmarket.application.batching import Batcher, lookups
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.domain import api_keys, ledger, signatures
from ytmarket.domain.api_keys import AddressRange, ApiKey
from ytmarket.domain.errors import InvalidKey, KeyNotFound
from ytmarket.domain.ids import AccountId, ApiKeyId
from ytmarket.domain.money import Usdt
from ytmarket.domain.signatures import UsedSignature


def secret_context(key: ApiKeyId) -> str:
    """The one place where a key's secret can be opened."""
    return f"api_key.sealed_secret:{key}"


@attrs.frozen(kw_only=True)
class MintedKey:
    """A new key with what is shown only now."""

    record: ApiKey
    key: str = attrs.field(repr=False)
    secret: str | None = attrs.field(repr=False)


class Authenticator:
    """Tells whose key it is; look-ups of requests that come together are one query."""

    def __init__(self, queries: Queries, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._keys: Batcher[bytes, ApiKey | None] = lookups(queries.keys)

    async def key(self, presented: str | None) -> ApiKey:
        """Raises `InvalidKey` for a missing, unknown or revoked key."""
        if not presented or len(presented) > api_keys.KEY_CHARS_MAX:
            raise InvalidKey
        found = await self._keys.ask(api_keys.digest(presented))
        if found is None:
            raise InvalidKey
        return found

    def signature(
        self, key: ApiKey, timestamp: str | None, signature: str | None, body: bytes
    ) -> UsedSignature | None:
        """Check a POST's signature; None for a key without a secret. Raises `InvalidSignature`."""
        if key.sealed_secret is None:
            return None
        return signatures.verify(
            key.id,
            self._vault.open(key.sealed_secret, secret_context(key.id)),
            timestamp=timestamp,
            signature=signature,
            body=body,
            now=self._clock.now(),
        )


@attrs.frozen(kw_only=True)
class ApiKeyService:
    """What an operator does with keys."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    tokens: Tokens
    vault: Vault

    async def mint(
        self,
        label: str,
        actor: Actor,
        *,
        with_secret: bool = True,
        allowed: Sequence[AddressRange] = (),
    ) -> MintedKey:
        """Open an account with a first key; key and secret are shown here and never again."""
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            account = await uow.accounts.create(label, now)
            key_id = await uow.api_keys.next_id()
            minted = self._minted(key_id, account, label, with_secret=with_secret, allowed=allowed)
            await uow.api_keys.add(minted.record, api_keys.digest(minted.key))
            await audited(
                uow,
                actor,
                now,
                "api_key.mint",
                f"key:{minted.record.fp}",
                label=label,
                with_secret=with_secret,
                ip_whitelist=", ".join(map(str, allowed)) or None,
            )
            await uow.commit()
        return minted

    async def adjust(self, fp: str, amount: Usdt, reason: str, ref: str, actor: Actor) -> None:
        """Credit the key's account by hand, or debit it; *ref* makes it happen once.

        Raises `KeyNotFound`, `Overdrawn`, `AlreadyDone`.
        """
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            key = await uow.api_keys.by_fp(fp)
            if key is None:
                raise KeyNotFound
            await uow.accounts.lock([key.account_id])
            await uow.accounts.post([ledger.adjustment(ref, key.account_id, amount, now, reason)])
            await audited(uow, actor, now, "api_key.credit", f"key:{fp}", amount_usdt=amount, reason=reason)
            await uow.commit()

    def _minted(
        self,
        key_id: ApiKeyId,
        account: AccountId,
        label: str,
        *,
        with_secret: bool,
        allowed: Sequence[AddressRange],
    ) -> MintedKey:
        key = self.tokens.api_key()
        secret = self.tokens.secret() if with_secret else None
        sealed = None if secret is None else self.vault.seal(secret.encode(), secret_context(key_id))
        record = ApiKey(
            id=key_id,
            account_id=account,
            fp=api_keys.fingerprint(api_keys.digest(key)),
            label=label,
            sealed_secret=sealed,
            allowed=tuple(allowed),
            created_at=self.clock.now(),
        )
        return MintedKey(record=record, key=key, secret=secret)
