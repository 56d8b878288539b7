"""Instructions of Solana's token program, from one wallet's token account to another's."""

from __future__ import annotations

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


def minting(authority: Pubkey, units: int, mint: Pubkey = MINT) -> Instruction:
    """Make so much of a token, for who may do so."""
    return mint_to(
        MintToParams(
            program_id=TOKEN_PROGRAM,
            mint=mint,
            dest=get_associated_token_address(authority, mint),
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
