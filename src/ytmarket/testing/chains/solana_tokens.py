"""Tokens of Solana: how they are made, and moved from one wallet's token account to another's."""

from __future__ import annotations

import struct

from solders.address_lookup_table_account import ID as LOOKUP_PROGRAM
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address
from solders.token.state import Mint
from spl.token.instructions import (
    create_idempotent_associated_token_account,
    mint_to,
    transfer,
    transfer_checked,
)
from spl.token.models import MintToParams, TransferCheckedParams, TransferParams

from ytmarket.adapters.chains.solana.chain import DECIMALS, MINT, TOKEN_PROGRAM
from ytmarket.testing.chains.litesvm import Ledger


def put_mint(ledger: Ledger, address: Pubkey, *, decimals: int = DECIMALS) -> None:
    """Make a token at this address, which the ledger's payer may mint."""
    authority = ledger.payer.pubkey()
    mint = Mint(authority, supply=0, decimals=decimals, is_initialized=True, freeze_authority=None)
    ledger.put(address, TOKEN_PROGRAM, bytes(mint))


def put_table(ledger: Ledger, table: AddressLookupTableAccount) -> None:
    """Make a lookup table; the runtime goes by it from the next slot on."""
    never, extended_at, authority, padding = 2**64 - 1, ledger.slot, b"\0" * 33, b"\0" * 2
    header = struct.pack("<IQQB33s2s", 1, never, extended_at, 0, authority, padding)
    addresses = b"".join(bytes(address) for address in table.addresses)
    ledger.put(table.key, LOOKUP_PROGRAM, header + addresses)
    ledger.pass_slots(1)


def minting(authority: Pubkey, units: int, mint: Pubkey = MINT, *, to: Pubkey | None = None) -> Instruction:
    """Make so much more of a token; it goes to who may do so, unless told otherwise."""
    return mint_to(
        MintToParams(
            program_id=TOKEN_PROGRAM,
            mint=mint,
            dest=get_associated_token_address(to or authority, mint),
            mint_authority=authority,
            amount=units,
            signers=[],
        )
    )


def opening(payer: Pubkey, owner: Pubkey, mint: Pubkey = MINT) -> Instruction:
    """See that the owner has a token account."""
    return create_idempotent_associated_token_account(payer, owner, mint)


def checked_transfer(payer: Pubkey, to: Pubkey, units: int, mint: Pubkey = MINT) -> Instruction:
    """A transfer that names the token and its decimals, as wallets make it."""
    return transfer_checked(
        TransferCheckedParams(
            program_id=TOKEN_PROGRAM,
            source=get_associated_token_address(payer, mint),
            mint=mint,
            dest=get_associated_token_address(to, mint),
            owner=payer,
            amount=units,
            decimals=DECIMALS,
            signers=[],
        )
    )


def plain_transfer(payer: Pubkey, to: Pubkey, units: int) -> Instruction:
    """A transfer that names neither the token nor the wallet that it goes to."""
    return transfer(
        TransferParams(
            program_id=TOKEN_PROGRAM,
            source=get_associated_token_address(payer, MINT),
            dest=get_associated_token_address(to, MINT),
            owner=payer,
            amount=units,
            signers=[],
        )
    )
