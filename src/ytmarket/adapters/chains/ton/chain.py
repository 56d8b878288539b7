"""What the reader must know of TON: by what it is told from the test network, and which jetton is read."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.domain.networks import Network

NETWORK: Final = Network.TON
SETTING: Final = "YTMARKET_TON_RPC"
WALLET_SETTING: Final = "YTMARKET_TON_WALLET"

ZERO_STATE: Final = (
    "F6OpKZKqvqeFp6CQmFomXNMfMj2EnaUSOXN+Mh+wVWk=",
    "XplPz01CXAps5qeSWUtxcyBfdAo5zVb1N979KLSKD24=",
)
"""Root and file hash of mainnet's beginning; the test network began otherwise."""

MASTER: Final = Address.of_text(NETWORK.facts.token)
"""The contract that made the token and says which account holds somebody's share of it."""

DECIMALS: Final = NETWORK.facts.decimals
STALE_AFTER: Final = timedelta(minutes=15)
