"""Addresses on TON: a workchain and 32 bytes, written in base64 with a checksum for people."""

from __future__ import annotations

import re
from typing import Final, Self

import attrs
from pytonlib.utils.address import account_forms, read_friendly_address

BASECHAIN: Final = 0
_FRIENDLY: Final = re.compile(r"[A-Za-z0-9_-]{48}|[A-Za-z0-9+/]{48}")


@attrs.frozen
class Address:
    """An account. One key opens as many as it likes, and each has several spellings."""

    workchain: int
    account: str
    """64 hexadecimal digits, in lower case."""

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Raises `ValueError` for a mistyped address, for one of the test network and for a raw one."""
        if _FRIENDLY.fullmatch(text) is None:
            raise ValueError("48 letters and digits are needed")
        try:
            forms = read_friendly_address(text)
        except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
            raise ValueError(str(error)) from None
        if forms["test_only"]:
            raise ValueError("it is marked as one of the test network")
        workchain, account = forms["raw_form"].split(":")
        return cls(int(workchain), account)

    @property
    def raw(self) -> str:
        """As programs write it."""
        return f"{self.workchain}:{self.account}"

    @property
    def friendly(self) -> str:
        """As wallets show their own: UQ..."""
        return str(account_forms(self.raw)["non_bounceable"]["b64url"])

    def __str__(self) -> str:
        """As explorers show contracts: EQ..."""
        return str(account_forms(self.raw)["bounceable"]["b64url"])
