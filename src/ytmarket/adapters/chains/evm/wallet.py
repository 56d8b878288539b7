"""The shop's address on EVM networks, checked before anybody is told to pay to it."""

from __future__ import annotations

from typing import Final

from ytmarket.adapters.chains.evm.library import Web3
from ytmarket.application.ports.chain_reader import ChainMisconfigured

SETTING: Final = "YTMARKET_EVM_WALLET"


def wallet_of(text: str) -> str:
    """The address with its checksum. Raises `ChainMisconfigured` for a wrong checksum, or no address."""
    digits = text.removeprefix("0x")
    is_plain = digits in {digits.lower(), digits.upper()}
    if not text.startswith("0x") or not Web3.is_address(text.lower()) or int(text, 16) == 0:
        raise ChainMisconfigured(f"{SETTING} needs an address: 0x and 40 hexadecimal digits, not {text!r}")
    if not is_plain and not Web3.is_checksum_address(text):
        raise ChainMisconfigured(f"{SETTING} holds a mistyped address: the checksum of {text} is wrong")
    return str(Web3.to_checksum_address(text.lower()))
