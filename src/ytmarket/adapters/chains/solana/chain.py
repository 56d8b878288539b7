"""What the reader must know of Solana: by what it is told from other clusters, and whom to ask for what."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from solders.pubkey import Pubkey
from solders.sysvar import CLOCK as CLOCK_ADDRESS
from solders.token import ID as TOKEN_PROGRAM_ID

from ytmarket.domain.networks import Network

NETWORK: Final = Network.SOLANA
SETTING: Final = "YTMARKET_SOLANA_RPC"
WALLET_SETTING: Final = "YTMARKET_SOLANA_WALLET"

GENESIS: Final = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
"""The hash of mainnet's first block; the test clusters have others."""

MINT: Final = Pubkey.from_string(NETWORK.facts.token)
DECIMALS: Final = NETWORK.facts.decimals

TOKEN_PROGRAM: Final[Pubkey] = TOKEN_PROGRAM_ID
TOKEN_PROGRAM_2022: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
CLOCK: Final[Pubkey] = CLOCK_ADDRESS
"""The account in which the cluster keeps its present slot and time."""

STALE_AFTER: Final = timedelta(minutes=15)
