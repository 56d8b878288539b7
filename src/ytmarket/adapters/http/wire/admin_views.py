"""What operators are told."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.money import Money, money
from ytmarket.application.api_keys import Adjusted, MintedKey, RotatedSecret
from ytmarket.application.deposit_desk import WaitingDeposit
from ytmarket.application.orphans import Orphaned
from ytmarket.domain.api_keys import ApiKey, KeySummary
from ytmarket.domain.audit import AuditRow
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.times import epoch_seconds


class MintedKeyView(msgspec.Struct):
    """A key with what is shown only now."""

    fp: str
    key: str
    secret: str | None
    label: str
    created_at: int


class RotatedView(msgspec.Struct):
    """A key's new secret, which is shown only now."""

    fp: str
    secret: str
    label: str


class KeyStateView(msgspec.Struct, kw_only=True):
    """A key without what must not be seen."""

    fp: str
    label: str
    has_secret: bool
    ip_whitelist: list[str]
    created_at: int
    revoked_at: int | None


class KeyView(KeyStateView, kw_only=True):
    """A key in the operators' list."""

    balance_usdt: Money
    last_used_at: int | None


class AdjustedView(msgspec.Struct, kw_only=True):
    """What was credited, negative for a debit, and what the account has now."""

    fp: str
    amount_usdt: Money
    balance_usdt: Money
    total_topup_usdt: Money


class DepositView(msgspec.Struct, kw_only=True):
    """A deposit with all that is known of it. The candidate is what it was perhaps meant for."""

    id: int
    network: str
    tx_hash: str
    amount_usdt: Money
    at: int
    status: str
    reason: str | None
    sender: str | None
    topup_id: str | None
    order_id: int | None
    candidate_fp: str | None = None
    candidate_topup_id: str | None = None
    candidate_order_id: int | None = None
    distance_usdt: Money | None = None


class OrphanedView(DepositView, kw_only=True):
    """A deposit that is none any more: what its customer had of it yet, and what we have lost."""

    taken_usdt: Money
    lost_usdt: Money


class ResentView(msgspec.Struct):
    """An event that is on its way again."""

    event_id: str
    delivery: str


class StockView(msgspec.Struct):
    """How many units were added, and how many are free now."""

    added: int
    available: int


class AuditView(msgspec.Struct):
    """Who did what, when."""

    number: int
    at: int
    actor: str
    action: str
    target: str
    details: Mapping[str, str]


def minted_view(minted: MintedKey) -> MintedKeyView:
    """The one answer in which key and secret are seen."""
    record = minted.record
    return MintedKeyView(record.fp, minted.key, minted.secret, record.label, epoch_seconds(record.created_at))


def rotated_view(rotated: RotatedSecret) -> RotatedView:
    """The one answer in which the new secret is seen."""
    return RotatedView(rotated.record.fp, rotated.secret, rotated.record.label)


def key_state_view(key: ApiKey) -> KeyStateView:
    """What became of a key."""
    return KeyStateView(
        fp=key.fp,
        label=key.label,
        has_secret=key.sealed_secret is not None,
        ip_whitelist=[str(allowed) for allowed in key.allowed],
        created_at=epoch_seconds(key.created_at),
        revoked_at=None if key.revoked_at is None else epoch_seconds(key.revoked_at),
    )


def key_view(summary: KeySummary) -> KeyView:
    """A row of the list."""
    used = summary.last_used_at
    return KeyView(
        **msgspec.structs.asdict(key_state_view(summary.key)),
        balance_usdt=money(summary.balance),
        last_used_at=None if used is None else epoch_seconds(used),
    )


def render_adjusted(adjusted: Adjusted) -> bytes:
    """The answer to a credit or a debit."""
    return encode(
        AdjustedView(
            fp=adjusted.fp,
            amount_usdt=money(adjusted.amount),
            balance_usdt=money(adjusted.totals.balance),
            total_topup_usdt=money(adjusted.totals.topped_up),
        )
    )


def waiting_view(waiting: WaitingDeposit) -> DepositView:
    """A row of the queue."""
    view = deposit_view(waiting.record)
    view.candidate_fp = waiting.candidate_fp
    return view


def deposit_view(record: DepositRecord) -> DepositView:
    """The deposit as operators see it."""
    return DepositView(
        id=record.id,
        network=record.deposit.network,
        tx_hash=record.deposit.tx_hash,
        amount_usdt=money(record.deposit.amount),
        at=epoch_seconds(record.deposit.at),
        status=record.status,
        reason=record.reason,
        sender=record.deposit.sender,
        topup_id=record.topup_id,
        order_id=record.order_id,
        candidate_topup_id=record.candidate_topup_id,
        candidate_order_id=record.candidate_order_id,
        distance_usdt=None if record.distance is None else money(record.distance),
    )


def render_deposit(record: DepositRecord) -> bytes:
    """The answer to what was done with a deposit."""
    return encode(deposit_view(record))


def render_orphaned(orphaned: Orphaned) -> bytes:
    """The answer to taking a deposit back."""
    return encode(
        OrphanedView(
            **msgspec.structs.asdict(deposit_view(orphaned.record)),
            taken_usdt=money(orphaned.taken),
            lost_usdt=money(orphaned.lost),
        )
    )


def audit_view(row: AuditRow) -> AuditView:
    """A row of the trail; its hashes are for `ytmarket audit verify`."""
    entry = row.entry
    return AuditView(
        row.number, epoch_seconds(entry.at), entry.actor, entry.action, entry.target, entry.details
    )
