"""Addresses on TRON: 20 bytes, written in base58 with a checksum for people, plainly in events."""

from __future__ import annotations

from typing import Final, Self

import attrs
from tronpy import keys
from tronpy.exceptions import BadAddress

from ytmarket.application.ports.chain_reader import ChainMisconfigured

SETTING: Final = "YTMARKET_TRON_WALLET"
PREFIX: Final = "41"
BODY_CHARS: Final = 40


@attrs.frozen
class Address:
    """An address in both of its forms."""

    text: str
    """As people write it: T..."""

    body: str
    """As it stands in events: 40 hexadecimal digits, in lower case."""

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Raises `ValueError` for what is no address in base58."""
        try:
            digits = str(keys.to_hex_address(text))
        except (BadAddress, ValueError, IndexError):
            digits = ""
        # tronpy takes hexadecimal forms as well, which nobody can be told to pay to.
        if not text.startswith("T") or len(digits) != len(PREFIX) + BODY_CHARS or digits[:2] != PREFIX:
            raise ValueError(f"no TRON address: {text!r}")
        return cls(text, digits.removeprefix(PREFIX))

    @classmethod
    def of_body(cls, body: str) -> Self:
        return cls(str(keys.to_base58check_address(PREFIX + body)), body)

    @classmethod
    def of_topic(cls, topic: str) -> Self:
        """From the last 20 of a topic's 32 bytes."""
        return cls.of_body(topic[-BODY_CHARS:])

    @property
    def full(self) -> str:
        """As java-tron wants it in requests."""
        return PREFIX + self.body

    @property
    def word(self) -> str:
        """As it stands in topics and in arguments: 32 bytes."""
        return f"{self.body:0>64}"


NOBODY: Final = Address.of_body("0" * BODY_CHARS)


def wallet_of(text: str) -> Address:
    """The shop's wallet. Raises `ChainMisconfigured` for a mistyped address, or none."""
    try:
        wallet = Address.of_text(text)
    except ValueError:
        raise ChainMisconfigured(
            f"{SETTING} needs a TRON address: T and 33 letters and digits, the last of which are a checksum;"
            f" {text!r} is none"
        ) from None
    if wallet == NOBODY:
        raise ChainMisconfigured(f"{SETTING} holds the address that belongs to nobody")
    return wallet
