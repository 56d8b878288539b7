"""The shop's address on Solana, and the token account beside it in which its USDT arrives."""

from __future__ import annotations

import attrs
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from ytmarket.adapters.chains.solana.chain import MINT, WALLET_SETTING
from ytmarket.application.ports.chain_reader import ChainMisconfigured


@attrs.frozen
class Wallet:
    """Clients pay to the owner; their wallets find the token account, which alone is in the transfer."""

    owner: Pubkey
    account: Pubkey = attrs.field(
        init=False,
        default=attrs.Factory(lambda self: get_associated_token_address(self.owner, MINT), takes_self=True),
    )

    @classmethod
    def read(cls, text: str) -> Wallet:
        """Raises `ChainMisconfigured` for what is no address, or nobody's."""
        try:
            owner = Pubkey.from_string(text)
        except ValueError:
            raise ChainMisconfigured(
                f"{WALLET_SETTING} needs an address: 32 to 44 characters in base 58, not {text!r}"
            ) from None
        if owner in {Pubkey.default(), MINT}:
            raise ChainMisconfigured(f"{WALLET_SETTING} needs the shop's own address, and {text} is nobody's")
        return cls(owner)

    def __str__(self) -> str:
        return str(self.owner)
