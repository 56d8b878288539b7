"""What a Solana node answers about transactions, written by the types that Agave itself answers with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from solders.account_decoder import UiTokenAmount
from solders.message import MessageV0
from solders.rpc.responses import (
    GetSignaturesForAddressResp,
    GetTransactionResp,
    RpcConfirmedTransactionStatusWithSignature,
)
from solders.signature import Signature
from solders.transaction import Legacy
from solders.transaction_status import (
    EncodedConfirmedTransactionWithStatusMeta,
    EncodedTransactionWithStatusMeta,
    TransactionConfirmationStatus,
    UiAddressTableLookup,
    UiCompiledInstruction,
    UiInnerInstructions,
    UiLoadedAddresses,
    UiRawMessage,
    UiTransaction,
    UiTransactionStatusMeta,
    UiTransactionTokenBalance,
)

from ytmarket.adapters.chains.solana.chain import TOKEN_PROGRAM
from ytmarket.testing.chains.litesvm import FEE, Balances, Entry, Ledger

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def listed(entries: Sequence[Entry], ledger: Ledger) -> Any:
    """The result of `getSignaturesForAddress`."""
    rows = [
        RpcConfirmedTransactionStatusWithSignature(
            signature=Signature.from_string(entry.signature),
            slot=entry.slot,
            err=entry.error,
            block_time=ledger.time_of(entry.slot),
            confirmation_status=TransactionConfirmationStatus.Finalized,
        )
        for entry in entries
    ]
    return json.loads(GetSignaturesForAddressResp(rows).to_json())["result"]


def executed(entry: Entry, ledger: Ledger) -> Any:
    """The result of `getTransaction` with the encoding `json`."""
    body = UiTransaction(entry.transaction.signatures, _message(entry))
    encoded = EncodedTransactionWithStatusMeta(body, _meta(entry), 0 if is_v0(entry) else Legacy.Legacy)
    confirmed = EncodedConfirmedTransactionWithStatusMeta(entry.slot, encoded, ledger.time_of(entry.slot))
    return json.loads(GetTransactionResp(confirmed).to_json())["result"]


def is_v0(entry: Entry) -> bool:
    """Whether the transaction may use lookup tables."""
    return isinstance(entry.transaction.message, MessageV0)


def _message(entry: Entry) -> UiRawMessage:
    message = entry.transaction.message
    lookups = [
        UiAddressTableLookup(lookup.account_key, lookup.writable_indexes, lookup.readonly_indexes)
        for lookup in (message.address_table_lookups if is_v0(entry) else ())
    ]
    return UiRawMessage(
        header=message.header,
        account_keys=message.account_keys,
        recent_blockhash=message.recent_blockhash,
        instructions=[_instruction(one) for one in message.instructions],
        address_table_lookups=lookups if is_v0(entry) else None,
    )


def _meta(entry: Entry) -> UiTransactionStatusMeta:
    result = entry.result
    inner = [
        UiInnerInstructions(place, [_instruction(one.instruction(), one.stack_height()) for one in steps])
        for place, steps in enumerate(result.inner_instructions())
        if steps
    ]
    return UiTransactionStatusMeta(
        err=entry.error,
        fee=FEE * len(entry.transaction.signatures),
        pre_balances=entry.before.lamports,
        post_balances=entry.after.lamports,
        inner_instructions=inner,
        log_messages=result.logs(),
        pre_token_balances=_token_balances(entry.before),
        post_token_balances=_token_balances(entry.after),
        rewards=[],
        loaded_addresses=UiLoadedAddresses(entry.writable, entry.readonly),
        compute_units_consumed=result.compute_units_consumed(),
    )


def _token_balances(balances: Balances) -> list[UiTransactionTokenBalance]:
    return [
        UiTransactionTokenBalance(
            account_index=place,
            mint=holding.mint,
            ui_token_amount=UiTokenAmount(
                ui_amount=None,  # a float, which nodes have deprecated
                decimals=holding.decimals,
                amount=str(holding.amount),
                ui_amount_string=_with_point(holding.amount, holding.decimals),
            ),
            owner=holding.owner,
            program_id=TOKEN_PROGRAM,
        )
        for place, holding in enumerate(balances.tokens)
        if holding is not None
    ]


def _with_point(units: int, decimals: int) -> str:
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}}".rstrip("0").rstrip(".")


def _instruction(one: Any, stack_height: int = 1) -> UiCompiledInstruction:
    return UiCompiledInstruction(one.program_id_index, one.accounts, _base58(one.data), stack_height)


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(ALPHABET))
        text = ALPHABET[digit] + text
    zeros = len(data) - len(data.lstrip(b"\0"))
    return ALPHABET[0] * zeros + text
