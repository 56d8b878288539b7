"""Where an amount of a network lies on the one line on which the database tells reservations apart."""

from __future__ import annotations

from typing import Final

from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

APART: Final = 10**15
"""How far networks lie from each other on that line, in micros: the schema's `band` says the same."""


def place(network: Network, amount: Usdt) -> int:
    """The amount's place; a reservation's band is a range of places around it."""
    return network.facts.number * APART + amount.micros
