"""Sealing everything anew, so that a former master key can be taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from ytmarket.application import unit_identity
from ytmarket.application.api_keys import secret_context
from ytmarket.application.audit import Actor, audited
from ytmarket.application.catalog import unit_context
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.domain.ids import ApiKeyId, UnitId

SEALED_AT_ONCE: Final = 500


@attrs.frozen(kw_only=True)
class Resealed:
    """How many secrets and units there are, and how many of them a former key had sealed."""

    looked_at: int
    sealed_anew: int


@attrs.frozen(kw_only=True)
class ResealService:
    """Turns what a former master key sealed into what the present one seals, a batch at a time.

    Units are known from then on by what `unit_identity` knows them by now, whichever key sealed them.
    It may run beside servers that know both keys, be killed at any time, and be run again.
    """

    new_unit_of_work: NewUnitOfWork
    queries: Queries
    clock: Clock
    vault: Vault

    async def count(self) -> int:
        """How many secrets and units there are to look at."""
        return await self.queries.sealed()

    async def reseal(self, actor: Actor, *, on_done: Callable[[int], None] = lambda _: None) -> Resealed:
        """Look at everything; *on_done* hears how many have been looked at, again and again.

        Raises `VaultError` for what none of the keys opens; what came before stays sealed anew.
        """
        looked_at = sealed_anew = 0
        for step in (self._secrets, self._units):
            after: int | None = 0
            while after is not None:
                async with self.new_unit_of_work() as uow:
                    after, looked, changed = await step(uow, after)
                    await uow.commit()
                looked_at += looked
                sealed_anew += changed
                on_done(looked_at)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            await audited(
                uow,
                actor,
                now,
                "vault.reseal",
                "vault:master-key",
                sealed_anew=sealed_anew,
                before=f"{sealed_anew} of {looked_at} sealed by a former key",
                after="all sealed by the present key",
            )
            await uow.commit()
        return Resealed(looked_at=looked_at, sealed_anew=sealed_anew)

    async def _secrets(self, uow: UnitOfWork, after: int) -> tuple[int | None, int, int]:
        """One batch: where the next begins, how many were looked at and how many changed."""
        changed = 0
        keys = await uow.api_keys.with_secrets(ApiKeyId(after), limit=SEALED_AT_ONCE)
        for key in keys:
            sealed, place = key.sealed_secret, secret_context(key.id)
            if sealed is not None and self.vault.needs_resealing(sealed):
                await uow.api_keys.set_secret(key.id, self.vault.seal(self.vault.open(sealed, place), place))
                changed += 1
        return (keys[-1].id if keys else None), len(keys), changed

    async def _units(self, uow: UnitOfWork, after: int) -> tuple[int | None, int, int]:
        units = await uow.catalog.sealed_units(UnitId(after), limit=SEALED_AT_ONCE)
        changes = [(unit, anew) for unit in units if (anew := self._anew(unit)) != unit]
        if changes:
            await uow.catalog.reseal_units([anew for _, anew in changes])
        sealed_anew = sum(anew.sealed != unit.sealed for unit, anew in changes)
        return (units[-1].id if units else None), len(units), sealed_anew

    def _anew(self, unit: NewUnit) -> NewUnit:
        """The unit as it would be put now; the same if it was."""
        place = unit_context(unit.id)
        content = self.vault.open(unit.sealed, place)
        is_former = self.vault.needs_resealing(unit.sealed)
        return NewUnit(
            id=unit.id,
            sealed=self.vault.seal(content, place) if is_former else unit.sealed,
            fingerprint=unit_identity.fingerprints(self.vault, content)[0],
        )
