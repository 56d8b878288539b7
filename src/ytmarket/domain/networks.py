"""The networks on which USDT reaches the shop: six, and those that an application adds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import EnumType, StrEnum
from typing import Any, Final

import attrs


class _NetworkType(EnumType):
    """An enumeration that goes on with the networks that an application has added."""

    def __iter__(cls) -> Iterator[Any]:
        return iter([*super().__iter__(), *ADDED.values()])

    def __contains__(cls, value: object) -> bool:
        if isinstance(value, str) and value in ADDED:
            return True
        return bool(super().__contains__(value))  # type: ignore[operator] # typeshed's word for `in`

    def __len__(cls) -> int:
        return super().__len__() + len(ADDED)


class Network(StrEnum, metaclass=_NetworkType):
    """A network, by the name clients use for it: the six here, and what `add_network` has added."""

    TRON = "usdt_trc_20"
    BSC = "usdt_bep_20"
    POLYGON = "usdt_polygon"
    ARBITRUM = "usdt_arbitrum"
    TON = "usdt_ton"
    SOLANA = "usdt_solana"

    @classmethod
    def _missing_(cls, value: object) -> Network | None:
        return ADDED.get(str(value))

    @property
    def facts(self) -> NetworkFacts:
        return FACTS[self]


class WalletFamily(StrEnum):
    """Networks of one family share one wallet address."""

    TRON = "tron"
    EVM = "evm"
    TON = "ton"
    SOLANA = "solana"


@attrs.frozen(kw_only=True)
class NetworkFacts:
    """What the shop must know of a network; fees and times are what senders usually meet."""

    number: int  # never reused: amounts in the database are told apart by it
    title: str
    family: WalletFamily
    token: str
    decimals: int
    fee: str
    time: str
    recommendation: str
    # Chain clocks may run a little behind ours, so a top-up opens this much early.
    start_skew: timedelta = timedelta(seconds=5)


# Token addresses and decimals: the issuers' pages; only the pinned address counts, never a name.
FACTS: Final[dict[Network, NetworkFacts]] = {
    Network.TRON: NetworkFacts(
        number=1,
        title="TRON (TRC-20)",
        family=WalletFamily.TRON,
        token="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        decimals=6,
        fee="0.5-1 USD",
        time="1-3 min",
        recommendation="Default",
    ),
    Network.BSC: NetworkFacts(
        number=2,
        title="BNB Smart Chain (BEP-20)",
        family=WalletFamily.EVM,
        token="0x55d398326f99059fF775485246999027B3197955",
        decimals=18,
        fee="0.2-0.5 USD",
        time="30 s - 2 min",
        recommendation="Cheap and fast",
    ),
    Network.POLYGON: NetworkFacts(
        number=3,
        title="Polygon",
        family=WalletFamily.EVM,
        token="0xc2132D05D31c914a87C6611C10748AEb04B58e8F",
        decimals=6,
        fee="0.01-0.05 USD",
        time="1-3 min",
        recommendation="Cheapest",
    ),
    Network.ARBITRUM: NetworkFacts(
        number=4,
        title="Arbitrum One",
        family=WalletFamily.EVM,
        token="0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9",
        decimals=6,
        fee="0.1-0.3 USD",
        time="30 s",
        recommendation="For those on Arbitrum",
    ),
    Network.TON: NetworkFacts(
        number=5,
        title="TON",
        family=WalletFamily.TON,
        token="EQCxE6mUtQJKFnGfaROTKOt1lZbDiiX1kCixRv7Nw2Id_sDs",
        decimals=6,
        fee="0.05-0.1 USD",
        time="5-15 s",
        recommendation="Fast",
        start_skew=timedelta(seconds=15),
    ),
    Network.SOLANA: NetworkFacts(
        number=6,
        title="Solana",
        family=WalletFamily.SOLANA,
        token="Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
        decimals=6,
        fee="0.01-0.02 USD",
        time="5-30 s",
        recommendation="Cheap and fast",
        start_skew=timedelta(seconds=15),
    ),
}

ADDED: Final[dict[str, Network]] = {}
"""By code; only `add_network` writes here."""

CODES: Final = list(map(str, Network))
"""The codes of all of them, also of those that are added later."""
