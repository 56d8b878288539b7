"""What IANA's registries say of an address: a judge that shares no code and no list with the guard.

`iana_special_addresses.csv` holds the facts of the special-purpose registries of IPv4 (with the block of the
multicast registry) and IPv6 (with the parts of the address space map that concern unicast), block by block,
nested ones too. Here addresses and blocks are strings of binary digits.
"""

import csv
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).with_name("iana_special_addresses.csv")
GLOBAL_UNICAST: Final = "001"  # 2000::/3, the only part of IPv6 handed out for unicast


def digits(address: IPv4Address | IPv6Address) -> str:
    return format(int(address), f"0{address.max_prefixlen}b")


def _blocks() -> dict[int, dict[str, str]]:
    blocks: dict[int, dict[str, str]] = {4: {}, 6: {}}
    with TABLE.open(newline="") as file:
        for row in csv.DictReader(file):
            first, _, length = row["block"].partition("/")
            address = ip_address(first)
            blocks[address.version][digits(address)[: int(length)]] = row["block"]
    return blocks


BLOCKS: Final = _blocks()


def special(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is in a registered block, or in a part of IPv6 that is nobody's."""
    text = digits(address)
    if address.version == 6 and not text.startswith(GLOBAL_UNICAST):
        return True
    return any(text.startswith(block) for block in BLOCKS[address.version])
