"""A network that an application adds is one like the others, and can be confused with none of them."""

import copy
import pickle
import subprocess
import sys

import attrs
import pytest

from ytmarket.domain.further_networks import NUMBER_ADDED_MIN, NUMBER_MAX, add_network
from ytmarket.domain.networks import FACTS, Network, NetworkFacts, WalletFamily

OPTIMISM = NetworkFacts(
    number=100,
    title="Optimism",
    family=WalletFamily.EVM,
    token="0x94b008aA00579c1307B0EF2c499aD98a8ce58e58",
    decimals=6,
    fee="0.01 USD",
    time="10-20 min",
    recommendation="For those on Optimism",
)


def in_a_process_of_its_own() -> None:
    """What is added stays: so not in the one that runs the other tests."""
    before = list(Network)
    added = add_network("usdt_optimism", OPTIMISM)
    assert add_network("usdt_optimism", OPTIMISM) is added
    assert Network("usdt_optimism") is added
    assert list(Network) == [*before, added]
    assert len(Network) == 7
    assert added in Network
    assert "usdt_optimism" in Network
    assert isinstance(added, Network)
    assert (added.name, added.value, str(added)) == ("OPTIMISM", "usdt_optimism", "usdt_optimism")
    assert added.facts == OPTIMISM
    assert {added: 1}[Network("usdt_optimism")] == 1
    assert pickle.loads(pickle.dumps(added)) is added
    assert copy.deepcopy(added) is added
    for code, number in [("usdt_optimism", 101), ("usdt_base", 100)]:
        with pytest.raises(ValueError, match=r"is there already|number 100 is that of usdt_optimism"):
            add_network(code, attrs.evolve(OPTIMISM, number=number))


def test_it_is_one_like_the_others() -> None:
    run = "from tests.unit.test_further_networks import *; in_a_process_of_its_own()"
    subprocess.run([sys.executable, "-c", run], check=True)
    assert len(Network) == 6


@pytest.mark.parametrize(
    ("code", "number", "complaint"),
    [
        ("optimism", 100, "no code of a network"),
        ("usdt_Optimism", 100, "no code of a network"),
        ("usdt_", 100, "no code of a network"),
        ("usdt_ton", 100, "is there already"),
        ("usdt_bsc", 100, "is there already, as usdt_bep_20"),
        ("usdt_optimism", NUMBER_ADDED_MIN - 1, "from 100 to"),
        ("usdt_optimism", NUMBER_MAX + 1, "from 100 to"),
    ],
)
def test_what_could_be_confused_is_refused(code: str, number: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        add_network(code, attrs.evolve(OPTIMISM, number=number))
    assert len(Network) == len(FACTS) == 6


def test_the_greatest_number_leaves_room_for_every_amount() -> None:
    assert (NUMBER_MAX + 1) * 10**15 < 2**63
