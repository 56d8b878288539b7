"""EVM networks beside the three that are built in, as a file of the operator describes them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
import msgspec

from ytmarket.adapters.chains.evm.chains import EvmChain, Finality, add_chain
from ytmarket.domain.errors import ShopError
from ytmarket.domain.further_networks import NUMBER_ADDED_MIN, NUMBER_MAX, add_network
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import NetworkFacts, WalletFamily

SETTING: Final = "YTMARKET_NETWORKS"
DECIMALS_MAX: Final = 36

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class NetworksFileError(Exception):
    """The file cannot be used; the message says which network of it, and why."""


class Entry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One network of the file."""

    number: Annotated[int, msgspec.Meta(ge=NUMBER_ADDED_MIN, le=NUMBER_MAX)]
    title: Words
    chain_id: Count
    token: Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")]
    decimals: Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)]
    fee: Words
    time: Words
    recommendation: Words
    rpc: tuple[Annotated[str, msgspec.Meta(pattern="^https?://.")], ...] = ()
    depth: Count | None = None
    deep_above: Annotated[int, msgspec.Meta(ge=0)] | None = None
    stale_after_seconds: Count = 900


@attrs.frozen(kw_only=True)
class FurtherNetwork:
    """A network of the file, by the code that clients use for it, and its nodes."""

    code: str
    facts: NetworkFacts
    chain_id: int
    finality: Finality
    stale_after: timedelta
    rpc: tuple[str, ...] = attrs.field(repr=False)

    def make_known(self) -> None:
        """Let this process take it for one of its networks. Raises `NetworksFileError`."""
        try:
            network = add_network(self.code, self.facts)
        except ValueError as trouble:
            raise NetworksFileError(str(trouble)) from None
        add_chain(
            attrs.evolve(
                EvmChain.of(
                    network, self.chain_id, f"rpc of {self.code} in {SETTING}", finality=self.finality
                ),
                stale_after=self.stale_after,
            )
        )


def read_networks(path: Path) -> tuple[FurtherNetwork, ...]:
    """What the file describes, checked as far as it can be without asking a node."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as trouble:
        raise NetworksFileError(f"{path} cannot be read: {trouble.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as trouble:
        raise NetworksFileError(f"{path} is no TOML: {trouble}") from None
    return tuple(_network(code, table) for code, table in tables.items())


def make_known(networks: Iterable[FurtherNetwork]) -> None:
    """Let this process take them for its networks; to be done before a shop is opened."""
    for network in networks:
        network.make_known()


def _network(code: str, table: Mapping[str, Any]) -> FurtherNetwork:
    try:
        entry = msgspec.convert(table, Entry)
    except (msgspec.ValidationError, ShopError) as trouble:
        raise NetworksFileError(f"{code}: {trouble}") from None
    if entry.deep_above is not None and entry.depth is None:
        raise NetworksFileError(f"{code}: deep_above means something only beside depth")
    return FurtherNetwork(
        code=code,
        facts=NetworkFacts(
            number=entry.number,
            title=entry.title,
            family=WalletFamily.EVM,
            token=entry.token,
            decimals=entry.decimals,
            fee=entry.fee,
            time=entry.time,
            recommendation=entry.recommendation,
        ),
        chain_id=entry.chain_id,
        finality=Finality(
            depth=entry.depth, deep_above=None if entry.deep_above is None else Usdt.of(entry.deep_above)
        ),
        stale_after=timedelta(seconds=entry.stale_after_seconds),
        rpc=entry.rpc,
    )
