"""What operators must have done, as the books in memory show it, held against the audit trail."""

from __future__ import annotations

from typing import Final

from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.chart import TransferKind

OF_DEPOSITS: Final = {
    TransferKind.MANUAL_CREDIT,
    TransferKind.DEPOSIT_APPLIED,
    TransferKind.DEPOSIT_RETURNED,
    TransferKind.DEPOSIT_ORPHANED,
    TransferKind.ORPHAN_SHORTFALL,
}
OF_ORDERS: Final = {TransferKind.WEBSITE_REFUND_PAID, TransferKind.MARKETPLACE_TAKEN}


def acts_untold(state: State) -> set[str]:
    """The targets of which no row tells; `adjustments` where there are more of them than rows."""
    entries = [row.entry for row in state.audit.values()]
    told = {entry.target for entry in entries}
    told |= {f"key:{entry.details.get('after')}" for entry in entries if entry.action == "api_key.replace"}
    must = {f"key:{key.fp}" for key in state.keys.values()}
    adjustments = 0
    for transfer in state.transfers.values():
        if transfer.kind in OF_DEPOSITS:
            must.add(f"deposit:{transfer.deposit_id}")
        elif transfer.kind in OF_ORDERS:
            must.add(f"order:{transfer.order_id}")
        elif transfer.kind is TransferKind.ADJUSTMENT:
            adjustments += transfer.deposit_id is None
    if adjustments > sum(entry.action == "api_key.credit" for entry in entries):
        must.add("adjustments")
    return must - told
