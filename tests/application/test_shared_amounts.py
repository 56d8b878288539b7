"""A customer's top-ups that share an amount keep it from others for as long as the last of them is open."""

from __future__ import annotations

from datetime import timedelta

from tests.http.shop import open_world
from ytmarket.application.requests import Origin
from ytmarket.application.topups import OpenTopup
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.topups import Topup, TopupTerms

TERMS = TopupTerms(lifetime=timedelta(hours=1), quarantine=timedelta(hours=2))
WANTED = OpenTopup(amount=Usdt.of(10), network=Network.TRON)


async def test_a_shared_amount_is_kept_from_others_until_the_last_one_ends() -> None:
    world = open_world(topup_terms=TERMS)

    async def opened(who: Origin) -> Topup:
        topup = (await world.services.topups.open(who, WANTED)).topup
        assert topup is not None
        return topup

    ann, bob = [
        Origin(account_id=key.account_id, api_key_id=key.id)
        for key in [(await world.mint()).record, (await world.mint()).record]
    ]
    first = await opened(ann)
    world.clock.advance(TERMS.quarantine - timedelta(minutes=1))
    second = await opened(ann)
    assert second.reservation_id == first.reservation_id
    world.clock.advance(timedelta(minutes=30))  # by the first alone the amount would be free again
    assert (await opened(bob)).amount != second.amount
