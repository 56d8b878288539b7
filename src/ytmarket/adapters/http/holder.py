"""Where the door finds the shop behind it."""

from __future__ import annotations

import attrs

from ytmarket.application.errors import Unavailable
from ytmarket.application.services import Services


@attrs.define
class ShopHolder:
    """Holds the services once the shop has opened; until then every request is told to come back.

    It exists so that an app can be built, and mounted in another, before there is a database.
    """

    services: Services | None = None

    def open_services(self) -> Services:
        """Raises `Unavailable` while the shop is closed."""
        if self.services is None:
            raise Unavailable("the shop has not opened yet")
        return self.services
