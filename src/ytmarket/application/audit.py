"""Every admin action leaves a row, in the transaction that carried it out."""

from __future__ import annotations

from datetime import datetime

import attrs

from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain.audit import AuditEntry


@attrs.frozen
class Actor:
    """Who acts, and through which door: `http:ops`, `cli:root`, `telegram:42`."""

    name: str


async def audited(
    uow: UnitOfWork, actor: Actor, now: datetime, action: str, target: str, **details: object
) -> None:
    """Write the row. Details are told in words; a secret is never among them."""
    told = {name: str(value) for name, value in details.items() if value is not None}
    entry = AuditEntry(at=now, actor=actor.name, action=action, target=target, details=told)
    await uow.audit.append(entry)
