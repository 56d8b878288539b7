"""The six networks: what tells them apart, and what a customer is told."""

from datetime import timedelta

import pytest

from ytmarket.domain import Network
from ytmarket.domain.networks import FACTS

NAMES = ["usdt_trc_20", "usdt_bep_20", "usdt_polygon", "usdt_arbitrum", "usdt_ton", "usdt_solana"]


def test_there_are_six_and_each_has_its_number_and_its_token() -> None:
    assert [network.value for network in Network] == NAMES
    assert [network.facts.number for network in Network] == [1, 2, 3, 4, 5, 6]
    assert len({facts.token for facts in FACTS.values()}) == 6


def test_the_three_evm_networks_share_a_wallet() -> None:
    evm = [network.value for network in Network if network.facts.family == "evm"]
    assert evm == ["usdt_bep_20", "usdt_polygon", "usdt_arbitrum"]


@pytest.mark.parametrize("network", Network)
def test_only_bsc_counts_eighteen_decimals_and_slow_clocks_get_more_time(network: Network) -> None:
    assert network.facts.decimals == (18 if network == "usdt_bep_20" else 6)
    slow = network.value in {"usdt_ton", "usdt_solana"}
    assert network.facts.start_skew == timedelta(seconds=15 if slow else 5)
    assert all((network.facts.fee, network.facts.time, network.facts.recommendation, network.facts.title))
