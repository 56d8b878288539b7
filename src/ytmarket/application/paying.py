"""Where money is to be sent, on the networks that take it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.networks import Network


@attrs.frozen(kw_only=True)
class Payees:
    """The wallets that are paid to, by network.

    With *only_read* nobody is told a wallet before the first page of its network was read: reading
    begins at what is final then, and would not see a payment from before.
    """

    wallets: Mapping[Network, str]
    only_read: bool = False

    async def address(self, uow: UnitOfWork, network: Network) -> str:
        """Raises `InvalidRequest` for a network that is closed, `Unavailable` for one not read yet."""
        address = self.wallets.get(network)
        if address is None:
            raise InvalidRequest(
                pointer="/network",
                problem="this shop takes no payments on this network",
                offered=tuple(self.wallets),
            )
        if self.only_read and await uow.deposits.cursor(network, source_of(network, address)) is None:
            raise Unavailable(f"{network} has not been read yet")
        return address
