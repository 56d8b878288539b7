"""What a Solana node answers, read strictly: whatever does not fit is refused, never guessed at."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final, Literal

import msgspec

SECONDS_END: Final = 2**35
"""No chain lives past the year 3058, and no date past the year 9999."""

Slot = Annotated[int, msgspec.Meta(ge=0, lt=2**60)]
UnixTime = Annotated[int, msgspec.Meta(gt=0, lt=SECONDS_END)]
Address = Annotated[str, msgspec.Meta(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}$")]
Signature = Annotated[str, msgspec.Meta(pattern=r"^[1-9A-HJ-NP-Za-km-z]{64,88}$")]
Units = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}$")]


class Account(msgspec.Struct, frozen=True):
    """What stands at an address."""

    owner: Address
    data: tuple[str, Literal["base64"]]

    @property
    def content(self) -> bytes:
        """Raises `ValueError` for what is not base 64."""
        try:
            return base64.b64decode(self.data[0], validate=True)
        except binascii.Error:
            raise ValueError("not in base 64") from None


class Accounts(msgspec.Struct, frozen=True):
    """Several accounts as of one slot; None where nothing stands."""

    value: list[Account | None]


class OwnedAccount(msgspec.Struct, frozen=True):
    """A token account, and where it stands."""

    pubkey: Address
    account: Account


class OwnedAccounts(msgspec.Struct, frozen=True):
    """All token accounts of somebody."""

    value: list[OwnedAccount]


class Listed(msgspec.Struct, rename="camel", frozen=True):
    """A transaction that names the account, and whether it failed."""

    signature: Signature
    slot: Slot
    err: Any
    block_time: UnixTime | None = None


class TokenAmount(msgspec.Struct, frozen=True):
    """A number of the token's smallest units."""

    amount: Units
    decimals: int


class TokenBalance(msgspec.Struct, rename="camel", frozen=True):
    """What a token account held before or after a transaction."""

    account_index: int
    mint: Address
    ui_token_amount: TokenAmount
    owner: Address | None = None

    @property
    def units(self) -> int:
        return int(self.ui_token_amount.amount)


class LoadedAddresses(msgspec.Struct, frozen=True):
    """Accounts that a transaction names by their place in a lookup table."""

    writable: list[Address] = []
    readonly: list[Address] = []


class Outcome(msgspec.Struct, rename="camel", frozen=True):
    """What a transaction did. None for balances: the node did not keep them."""

    err: Any
    pre_token_balances: list[TokenBalance] | None = None
    post_token_balances: list[TokenBalance] | None = None
    loaded_addresses: LoadedAddresses | None = None


class Message(msgspec.Struct, rename="camel", frozen=True):
    """The accounts that a transaction names itself; its instructions are not looked at."""

    account_keys: list[Address]


class Signed(msgspec.Struct, frozen=True):
    """A message and who signed it; the first signature is the transaction's name."""

    signatures: Annotated[list[Signature], msgspec.Meta(min_length=1)]
    message: Message


class Executed(msgspec.Struct, rename="camel", frozen=True):
    """A transaction with its slot and what came of it."""

    slot: Slot
    transaction: Signed
    meta: Outcome | None = None
    block_time: UnixTime | None = None

    @property
    def keys(self) -> list[str]:
        """All accounts, in the order in which balances count them."""
        loaded = self.meta.loaded_addresses if self.meta is not None else None
        looked_up = [*loaded.writable, *loaded.readonly] if loaded is not None else []
        return [*self.transaction.message.account_keys, *looked_up]
