"""Customers' keys: minted once, checked with every request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from ytmarket.application.audit import Actor, audited
from ytmarket.application.batching import Batcher, lookups
from ytmarket.application.instructions import Answered, Instruction, carry_out
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.domain import api_keys, ledger, signatures
from ytmarket.domain.api_keys import AddressRange, ApiKey
from ytmarket.domain.errors import InvalidKey, KeyNotFound, KeyRevoked
from ytmarket.domain.ids import AccountId, ApiKeyId
from ytmarket.domain.ledger import CustomerTotals
from ytmarket.domain.money import Usdt
from ytmarket.domain.signatures import UsedSignature
from ytmarket.domain.wording import check_name, check_reason


def secret_context(key: ApiKeyId) -> str:
    """The one place where a key's secret can be opened."""
    return f"api_key.sealed_secret:{key}"


@attrs.frozen(kw_only=True)
class MintedKey:
    """A new key with what is shown only now."""

    record: ApiKey
    key: str = attrs.field(repr=False)
    secret: str | None = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class RotatedSecret:
    """A key's new secret, which is shown only now."""

    record: ApiKey
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Adjusted:
    """What was credited to a key's account by hand, and what the account has now."""

    fp: str
    amount: Usdt
    totals: CustomerTotals


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
        word: Instruction[MintedKey] = Instruction(actor=actor, reason="")
        return (await self.mint_once(label, word, with_secret=with_secret, allowed=allowed)).fresh

    async def mint_once(
        self,
        label: str,
        instruction: Instruction[MintedKey],
        *,
        with_secret: bool = True,
        allowed: Sequence[AddressRange] = (),
    ) -> Answered[MintedKey]:
        """The same, said so that it can be repeated; what is kept of the answer must hold no secret.

        Raises `InvalidRequest` and what `carry_out` does.
        """
        check_name(label, "/label")
        api_keys.check_ranges(allowed)

        async def step(uow: UnitOfWork, now: datetime) -> MintedKey:
            account = await uow.accounts.create(label, now)
            key_id = await uow.api_keys.next_id()
            minted = self._minted(key_id, account, label, with_secret=with_secret, allowed=allowed)
            await uow.api_keys.add(minted.record, api_keys.digest(minted.key))
            await audited(
                uow,
                instruction.actor,
                now,
                "api_key.mint",
                f"key:{minted.record.fp}",
                label=label,
                with_secret=with_secret,
                ip_whitelist=", ".join(map(str, allowed)) or None,
            )
            return minted

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def revoke(self, fp: str, actor: Actor, *, reason: str | None = None) -> ApiKey:
        """The key opens nothing from now on; its account keeps what it has.

        Raises `InvalidRequest` and `KeyNotFound`.
        """
        if reason is not None:
            check_reason(reason)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            key = await known_key(uow, fp)
            await uow.api_keys.revoke(key.id, now)
            was = key.revoked_at and f"revoked at {key.revoked_at.isoformat()}"
            await audited(
                uow,
                actor,
                now,
                "api_key.revoke",
                f"key:{fp}",
                before=was or "live",
                after="revoked",
                reason=reason,
            )
            await uow.commit()
        return attrs.evolve(key, revoked_at=key.revoked_at or now)

    async def rotate_secret(self, fp: str, actor: Actor) -> RotatedSecret:
        """Give the key another secret, or its first; the old one is dead at once.

        Raises `KeyNotFound`, `KeyRevoked`.
        """
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            key = await known_key(uow, fp)
            if key.revoked_at is not None:
                raise KeyRevoked
            secret = self.tokens.secret()
            sealed = self.vault.seal(secret.encode(), secret_context(key.id))
            await uow.api_keys.set_secret(key.id, sealed)
            had = "a secret" if key.sealed_secret is not None else "no secret"
            await audited(
                uow, actor, now, "api_key.rotate_secret", f"key:{fp}", before=had, after="another secret"
            )
            await uow.commit()
        return RotatedSecret(record=attrs.evolve(key, sealed_secret=sealed), secret=secret)

    async def replace(self, fp: str, actor: Actor) -> MintedKey:
        """Give the account another key with a secret and the same allow-list; the old one is dead.

        A revoked key can be replaced too. Raises `KeyNotFound`.
        """
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            old = await known_key(uow, fp)
            await uow.api_keys.revoke(old.id, now)
            key_id = await uow.api_keys.next_id()
            minted = self._minted(key_id, old.account_id, old.label, with_secret=True, allowed=old.allowed)
            await uow.api_keys.add(minted.record, api_keys.digest(minted.key))
            await audited(uow, actor, now, "api_key.replace", f"key:{fp}", before=fp, after=minted.record.fp)
            await uow.commit()
        return minted

    async def set_allowed(self, fp: str, allowed: Sequence[AddressRange], actor: Actor) -> ApiKey:
        """Say from where the key may be used; an empty list lets everybody in.

        Raises `InvalidRequest` and `KeyNotFound`.
        """
        api_keys.check_ranges(allowed)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            key = await known_key(uow, fp)
            await uow.api_keys.set_allowed(key.id, allowed)
            await audited(
                uow,
                actor,
                now,
                "api_key.ip_whitelist",
                f"key:{fp}",
                before=_listed(key.allowed),
                after=_listed(allowed),
            )
            await uow.commit()
        return attrs.evolve(key, allowed=tuple(allowed))

    async def credit(self, fp: str, amount: Usdt, instruction: Instruction[Adjusted]) -> Answered[Adjusted]:
        """Credit the key's account by hand, or debit it where the amount is negative.

        Raises `InvalidRequest`, `KeyNotFound`, `Overdrawn`, `AlreadyDone` and what `carry_out` does.
        """
        ledger.check_adjustment(amount)
        attempt = instruction.own_attempt
        ref = self.tokens.lease() if attempt is None else attempt.key

        async def step(uow: UnitOfWork, now: datetime) -> Adjusted:
            return await _adjust(uow, fp, amount, ref, instruction, now)

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def adjust(self, fp: str, amount: Usdt, reason: str, ref: str, actor: Actor) -> None:
        """Credit or debit under a name of one's own, so that it can be tried again: *ref* happens once.

        Raises `KeyNotFound`, `Overdrawn`, `AlreadyDone`.
        """
        instruction: Instruction[Adjusted] = Instruction(actor=actor, reason=reason)

        async def step(uow: UnitOfWork, now: datetime) -> Adjusted:
            return await _adjust(uow, fp, amount, ref, instruction, now)

        await carry_out(self.new_unit_of_work, self.clock, instruction, step)

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


async def known_key(uow: UnitOfWork, fp: str) -> ApiKey:
    """The key, locked; a revoked one too. Raises `KeyNotFound`."""
    key = await uow.api_keys.by_fp(fp)
    if key is None:
        raise KeyNotFound
    return key


async def _adjust(
    uow: UnitOfWork, fp: str, amount: Usdt, ref: str, instruction: Instruction[Adjusted], now: datetime
) -> Adjusted:
    account = (await known_key(uow, fp)).account_id
    before = (await uow.accounts.lock([account]))[account]
    transfer = ledger.adjustment(ref, account, amount, now, instruction.reason)
    after = before.after(transfer, account)
    await uow.accounts.post([transfer])
    await audited(
        uow,
        instruction.actor,
        now,
        "api_key.credit",
        f"key:{fp}",
        amount_usdt=amount,
        before=before.balance,
        after=after.balance,
        reason=instruction.reason,
    )
    return Adjusted(fp=fp, amount=amount, totals=after)


def _listed(allowed: Sequence[AddressRange]) -> str:
    return ", ".join(map(str, allowed)) or "everywhere"
