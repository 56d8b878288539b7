"""The shop's address on TON. Its USDT is kept by another contract, its jetton wallet."""

from __future__ import annotations

from typing import Final

import attrs

from ytmarket.adapters.chains.ton.address import BASECHAIN, Address
from ytmarket.adapters.chains.ton.chain import MASTER, WALLET_SETTING
from ytmarket.application.ports.chain_reader import ChainMisconfigured

NOBODY: Final = Address(BASECHAIN, "0" * 64)


@attrs.frozen
class Wallet:
    """Clients pay to the owner, and are told so in the operator's own spelling."""

    text: str
    owner: Address

    @classmethod
    def read(cls, text: str) -> Wallet:
        """Raises `ChainMisconfigured` for what is no address, or nobody's."""
        try:
            owner = Address.of_text(text)
        except ValueError as error:
            raise ChainMisconfigured(
                f"{WALLET_SETTING} needs a TON address, UQ... or EQ..., not {text!r}: {error}"
            ) from None
        if owner.workchain != BASECHAIN:
            raise ChainMisconfigured(
                f"{WALLET_SETTING} needs a wallet of workchain 0, and {text} is of another"
            )
        if owner in {NOBODY, MASTER}:
            raise ChainMisconfigured(f"{WALLET_SETTING} needs the shop's own address, and {text} is nobody's")
        return cls(text, owner)

    def __str__(self) -> str:
        return self.text
