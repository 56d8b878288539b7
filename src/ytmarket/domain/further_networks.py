"""Networks beside the six, which an application makes known before it opens a shop."""

from __future__ import annotations

import base64
import re
from binascii import crc_hqx
from typing import Final

from ytmarket.domain.networks import ADDED, CODES, FACTS, Network, NetworkFacts

NUMBER_ADDED_MIN: Final = 100
NUMBER_MAX: Final = 9_000
"""A network's amounts lie this many bands high, and 64 bits end soon after."""

_CODE: Final = re.compile(r"usdt_[a-z0-9_]{1,24}")

_TON_ADDRESS: Final = re.compile(r"[A-Za-z0-9_-]{48}|[A-Za-z0-9+/]{48}")
_EQ, _UQ = 0x11, 0x51
_CHECKSUM_BYTES: Final = 2


def add_network(code: str, facts: NetworkFacts) -> Network:
    """Make one more network known in this process, before a shop is opened; at every start the same.

    Its name is the code's after `usdt_`, in capitals. Numbers of 100 and more are kept free for networks
    that are added. Adding the same again changes nothing. Raises `ValueError` for a code that is none, and
    for a code or a number that is another network's.
    """
    if not _CODE.fullmatch(code):
        raise ValueError(f"{code!r} is no code of a network: usdt_ and small letters, digits or _")
    if not NUMBER_ADDED_MIN <= facts.number <= NUMBER_MAX:
        raise ValueError(f"the number of {code} must be from {NUMBER_ADDED_MIN} to {NUMBER_MAX}")
    known = ADDED.get(code)
    if known is not None and FACTS[known] == facts:
        return known
    name = code.removeprefix("usdt_").upper()
    for other in Network:
        if code == other or name == other.name:
            raise ValueError(f"{code} is there already, as {other}")
        if facts.number == other.facts.number:
            raise ValueError(f"the number {facts.number} is that of {other}; amounts are told apart by it")
    network = str.__new__(Network, code)
    network._name_, network._value_ = name, code
    FACTS[network] = facts
    ADDED[code] = network
    CODES.append(code)
    return network


def source_of(network: Network, wallet: str) -> str:
    """Under which name it is kept how far the wallet was read: of an added network, with its token.

    The six have one token for ever. That of an added network is the operator's word, and another one
    is another history: reading begins anew with it. Another spelling of a wallet is the same history.
    """
    if network is Network.TON:
        return _as_wallets_show_it(wallet)
    if network.value not in ADDED:
        return wallet
    token = network.facts.token
    return f"{wallet}/{token.lower() if token.startswith('0x') else token}"


def _as_wallets_show_it(address: str) -> str:
    """UQ..., in the base 64 of URLs, for any spelling of an address on TON; whatever is none, as it is."""
    if _TON_ADDRESS.fullmatch(address) is None:
        return address
    content = base64.urlsafe_b64decode(address.replace("+", "-").replace("/", "_"))
    if content[0] not in {_EQ, _UQ} or crc_hqx(content, 0) != 0:
        return address
    shown = bytes([_UQ]) + content[1:-_CHECKSUM_BYTES]
    checksum = crc_hqx(shown, 0).to_bytes(_CHECKSUM_BYTES, "big")
    return base64.urlsafe_b64encode(shown + checksum).decode()
