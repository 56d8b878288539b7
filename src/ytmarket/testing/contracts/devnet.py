"""What every devnet promises, beside what its readers do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import attrs
import pytest

from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.devnet import Devnet, DevnetTransfer, SupplierMode
from ytmarket.domain.errors import InvalidValue
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.contracts.chain_reader import ChainReaderContract, ChainUnderTest, amounts, drain


@attrs.frozen(kw_only=True)
class DevnetChain:
    """One network of devnet as a `ChainUnderTest`."""

    devnet: Devnet
    network: Network
    new_reader: Callable[[Network], ChainReader]
    new_hasty_reader: Callable[[Network], ChainReader]
    new_outage: Callable[[], AbstractAsyncContextManager[None]]
    transfers_per_transaction_max: int = 1
    keeps_sums: bool = False
    waits_above: Usdt | None = None
    final_at_once: bool = True

    def reader(self) -> ChainReader:
        return self.new_reader(self.network)

    def hasty_reader(self) -> ChainReader:
        return self.new_hasty_reader(self.network)

    async def pay(self, *amounts: Usdt) -> str:
        (amount,) = amounts
        return await self.devnet.send(DevnetTransfer(network=self.network, amount=amount, sender="a payer"))

    async def make_noise(self) -> None:
        for token in ("USDT", "usdt", "counterfeit", ""):
            await self.devnet.send(DevnetTransfer(network=self.network, amount=Usdt.of(5), token=token))
        for other in Network:
            if other is not self.network:
                await self.devnet.send(DevnetTransfer(network=other, amount=Usdt.of(5)))

    async def settle(self) -> None:
        """A transfer on devnet is final at once."""

    async def settle_soon(self) -> None:
        await self.settle()

    def outage(self) -> AbstractAsyncContextManager[None]:
        return self.new_outage()


class DevnetContract(ChainReaderContract):
    """The promises of the `Devnet` port and of its readers.

    Needs the fixtures `devnet`, `reopened_devnet` (the same one as another process sees it),
    `reader_of` and `hasty_reader_of` (from a network to a reader, the hasty one of few transfers a
    page) and `outage` (see `ChainUnderTest`).
    """

    @pytest.fixture(params=[Network.TRON, Network.BSC])
    def chain(
        self,
        request: pytest.FixtureRequest,
        devnet: Devnet,
        reader_of: Callable[[Network], ChainReader],
        hasty_reader_of: Callable[[Network], ChainReader],
        outage: Callable[[], AbstractAsyncContextManager[None]],
    ) -> ChainUnderTest:
        return DevnetChain(
            devnet=devnet,
            network=request.param,
            new_reader=reader_of,
            new_hasty_reader=hasty_reader_of,
            new_outage=outage,
        )

    async def test_it_has_all_six_networks(
        self, devnet: Devnet, reader_of: Callable[[Network], ChainReader]
    ) -> None:
        starts = {network: await reader_of(network).start() for network in Network}
        hashes = {
            network: await devnet.send(DevnetTransfer(network=network, amount=Usdt.of(3)))
            for network in Network
        }
        for network in Network:
            (deposit,), _ = await drain(reader_of(network), starts[network])
            assert (deposit.network, deposit.tx_hash) == (network, hashes[network])
            assert reader_of(network).network is network
            assert reader_of(network).wallet

    async def test_networks_of_one_family_share_one_wallet(
        self, reader_of: Callable[[Network], ChainReader]
    ) -> None:
        by_family: dict[str, set[str]] = {}
        for network in Network:
            by_family.setdefault(network.facts.family, set()).add(reader_of(network).wallet)
        assert all(len(wallets) == 1 for wallets in by_family.values())
        assert len(set.union(*by_family.values())) == len(by_family)

    async def test_every_transfer_has_a_hash_of_its_own(self, devnet: Devnet) -> None:
        transfer = DevnetTransfer(network=Network.TRON, amount=Usdt.of(1))
        hashes = [await devnet.send(transfer) for _ in range(20)]
        assert len(set(hashes)) == 20

    async def test_a_transfer_tells_who_sent_it_and_when(
        self, devnet: Devnet, reader_of: Callable[[Network], ChainReader]
    ) -> None:
        reader = reader_of(Network.TRON)
        start = await reader.start()
        for age in (0, 3_600):
            await devnet.send(
                DevnetTransfer(network=Network.TRON, amount=Usdt.of(1), sender="Ann", age_seconds=age)
            )
        (fresh, old), _ = await drain(reader, start)
        assert fresh.sender == old.sender == "Ann"
        assert 3_600 <= (fresh.at - old.at).total_seconds() + 1 <= 3_602

    async def test_the_token_of_the_network_is_usdt_and_any_other_noise(
        self, devnet: Devnet, reader_of: Callable[[Network], ChainReader]
    ) -> None:
        reader = reader_of(Network.TON)
        start = await reader.start()
        tokens = (None, Network.TON.facts.token, Network.TRON.facts.token, "USDT")
        for number, token in enumerate(tokens, start=1):
            await devnet.send(DevnetTransfer(network=Network.TON, amount=Usdt.of(number), token=token))
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(1), Usdt.of(2)]

    async def test_a_transfer_that_no_chain_could_have_is_refused(self, devnet: Devnet) -> None:
        for amount, age in ((ZERO, 0), (Usdt.of(-1), 0), (Usdt.of(10**14), 0), (Usdt.of(1), -1)):
            with pytest.raises(InvalidValue):
                await devnet.send(DevnetTransfer(network=Network.TRON, amount=amount, age_seconds=age))

    async def test_the_supplier_delivers_until_told_otherwise(self, devnet: Devnet) -> None:
        assert await devnet.supplier_mode() is SupplierMode.DELIVER

    async def test_the_suppliers_mode_holds_everywhere(self, devnet: Devnet, reopened_devnet: Devnet) -> None:
        for mode in (SupplierMode.FAIL, SupplierMode.HOLD, SupplierMode.PARTIAL, SupplierMode.DELIVER):
            await devnet.set_supplier_mode(mode)
            assert await reopened_devnet.supplier_mode() is mode

    async def test_what_is_sent_here_is_read_everywhere(
        self, devnet: Devnet, reopened_devnet: Devnet, reader_of: Callable[[Network], ChainReader]
    ) -> None:
        reader = reader_of(Network.TRON)
        start = await reader.start()
        await reopened_devnet.send(DevnetTransfer(network=Network.TRON, amount=Usdt.of(1)))
        await devnet.send(DevnetTransfer(network=Network.TRON, amount=Usdt.of(2)))
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(1), Usdt.of(2)]
