"""Whatever operators do leaves exactly one row, through any door: the services themselves write it."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
import pytest

from tests.http.shop import open_world
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Answered, Instruction
from ytmarket.application.marketplace import Sold
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.application.services import Services
from ytmarket.application.website import Buy, WebsiteOrder
from ytmarket.domain.api_keys import parse_range
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import Refused
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import DepositId, EventId, OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding, Point

OPS: Final = Actor("telegram:42")
PRODUCT: Final = Product(id=ProductId(7), sku="A", title="A", category="mail", price=Usdt.of(8))
TAKEN: Final = attrs.evolve(PRODUCT, id=ProductId(8), sku="sku-1")
BUY: Final = Buy(product_id=ProductId(1), quantity=1, network=Network.TON)
SOLD: Final = Sold(
    product_id=ProductId(1), quantity=1, amount=Usdt.of(12), marketplace="bazaar", external_id="b-1"
)
NOBODY: Final = "0" * 12


def word(key: str | None = None) -> Instruction[Any]:
    attempt = None if key is None else Attempt.of(key, "/", b"")
    return Instruction(actor=OPS, reason="asked for", attempt=attempt)


class Scene:
    """A shop with one of each thing that can be acted upon."""

    def __init__(self) -> None:
        self.world = open_world()
        self.services = self.world.services

    async def set(self) -> "Scene":
        world = self.world
        await world.work()
        await world.product(1, "10")
        self.ann, self.bob = await world.rich("100"), await world.mint()
        async with world.client(self.ann) as client:
            order = {
                "product_id": 1,
                "quantity": 1,
                "payment_method": "balance",
                "webhook_url": "https://a.b/c",
            }
            self.order = OrderId((await client.post("/api/v1/orders", json=order)).json()["order_id"])
            await client.post("/api/v1/balance/topup", json={"amount_usdt": 50, "network": "usdt_ton"})
        await world.devnet.send(DevnetTransfer(network=Network.TON, amount=Usdt.of(50)))
        await world.devnet.send(DevnetTransfer(network=Network.TON, amount=Usdt.of(7)))
        for network in Network:
            await world.services.scan.scan(world.devnet.reader(network))
        await world.services.deposits.settle_due()
        self.credited, self.waiting = DepositId(1), DepositId(2)
        self.website_order, self.owed_order = await self._buys(), await self._buys()
        await world.devnet.send(DevnetTransfer(network=Network.TON, amount=Usdt.of(9)))
        await world.services.scan.scan(world.devnet.reader(Network.TON))
        await world.services.deposits.settle_due()
        await world.services.website.apply(DepositId(3), self.owed_order, word())
        await world.services.fulfilment.cancel(self.owed_order, word())
        await world.services.fulfilment.refund_due()
        (event,) = await world.services.queries.events(self.order)
        assert event.event.id is not None
        self.event = event.event.id
        self.wallet = await self._agrees_with_its_chain()
        return self

    async def _agrees_with_its_chain(self) -> str:
        """The wallet on TON, after a first comparison."""
        network, wallet = Network.TON, self.world.devnet.reader(Network.TON).wallet
        now = self.world.clock.now()
        held = Holding(point=Point(height=1, ref="1", at=now), balance=66)
        async with self.services.reconciliation.new_unit_of_work() as uow:
            assert await uow.reconciliation.take_up(network, wallet, now, now) is not None
            assert await uow.reconciliation.agree(network, wallet, held, after=None, due_at=now)
            await uow.commit()
        return wallet

    async def _buys(self) -> OrderId:
        """Somebody on the website."""
        opened: Answered[WebsiteOrder] = await self.services.website.open(BUY, word())
        return opened.fresh.order.id

    async def rows(self) -> int:
        return len(await self.services.queries.audit_rows(limit=1_000))


Act = Callable[[Scene], Awaitable[object]]

# Each act as it succeeds, and, where it can be, as it is refused.
ACTS: Final[dict[str, tuple[Act, Act | None]]] = {
    "api_keys.mint": (lambda s: s.services.api_keys.mint("Cid", OPS), None),
    "api_keys.mint_once": (lambda s: s.services.api_keys.mint_once("Cid", word("k")), None),
    "api_keys.revoke": (
        lambda s: s.services.api_keys.revoke(s.ann.record.fp, OPS),
        lambda s: s.services.api_keys.revoke(NOBODY, OPS),
    ),
    "api_keys.rotate_secret": (
        lambda s: s.services.api_keys.rotate_secret(s.ann.record.fp, OPS),
        lambda s: s.services.api_keys.rotate_secret(NOBODY, OPS),
    ),
    "api_keys.replace": (
        lambda s: s.services.api_keys.replace(s.ann.record.fp, OPS),
        lambda s: s.services.api_keys.replace(NOBODY, OPS),
    ),
    "api_keys.set_allowed": (
        lambda s: s.services.api_keys.set_allowed(s.ann.record.fp, [parse_range("::1", "")], OPS),
        lambda s: s.services.api_keys.set_allowed(NOBODY, [], OPS),
    ),
    "api_keys.credit": (
        lambda s: s.services.api_keys.credit(s.bob.record.fp, Usdt.of(1), word("k")),
        lambda s: s.services.api_keys.credit(s.bob.record.fp, Usdt.of(-1), word("k")),
    ),
    "api_keys.adjust": (
        lambda s: s.services.api_keys.adjust(s.bob.record.fp, Usdt.of(1), "why", "ref", OPS),
        lambda s: s.services.api_keys.adjust(s.bob.record.fp, Usdt.of(-1), "why", "ref", OPS),
    ),
    "coverage.rescan": (
        lambda s: s.services.coverage.rescan(s.world.devnet.reader(Network.TON), 1, OPS),
        None,
    ),
    "books.unfreeze": (
        lambda s: s.services.books.unfreeze(s.ann.record.fp, word()),
        lambda s: s.services.books.unfreeze(NOBODY, word()),
    ),
    "catalog.put": (
        lambda s: s.services.catalog.put(PRODUCT, OPS),
        lambda s: s.services.catalog.put(
            Product(id=ProductId(8), sku="sku-1", title="", category="", price=Usdt(1)), OPS
        ),
    ),
    "catalog.add_stock": (
        lambda s: s.services.catalog.add_stock(ProductId(1), [b"{}", b"{1}"], OPS),
        lambda s: s.services.catalog.add_stock(ProductId(1), [b"{}", b"{}"], OPS),
    ),
    "catalog.put_all": (
        lambda s: s.services.catalog.put_all([PRODUCT], OPS),
        lambda s: s.services.catalog.put_all([PRODUCT, TAKEN], OPS),
    ),
    "deposit_desk.credit": (
        lambda s: s.services.deposit_desk.credit(s.waiting, s.bob.record.fp, word("k")),
        lambda s: s.services.deposit_desk.credit(s.credited, s.bob.record.fp, word("k")),
    ),
    "deposit_desk.send_back": (
        lambda s: s.services.deposit_desk.send_back(s.waiting, word("k")),
        lambda s: s.services.deposit_desk.send_back(s.credited, word("k")),
    ),
    "deposit_desk.correct": (
        lambda s: s.services.deposit_desk.correct(s.credited, s.bob.record.fp, word("k")),
        lambda s: s.services.deposit_desk.correct(s.waiting, s.bob.record.fp, word("k")),
    ),
    "deposit_desk.orphan": (
        lambda s: s.services.deposit_desk.orphan(s.credited, word("k")),
        lambda s: s.services.deposit_desk.orphan(DepositId(99), word("k")),
    ),
    "fulfilment.cancel": (
        lambda s: s.services.fulfilment.cancel(s.order, word("k")),
        lambda s: s.services.fulfilment.cancel(OrderId(99), word("k")),
    ),
    "marketplace.take": (
        lambda s: s.services.marketplace.take(SOLD, word("k")),
        lambda s: s.services.marketplace.take(attrs.evolve(SOLD, quantity=99), word("k")),
    ),
    "website.open": (
        lambda s: s.services.website.open(BUY, word("k")),
        lambda s: s.services.website.open(attrs.evolve(BUY, quantity=99), word("k")),
    ),
    "website.apply": (
        lambda s: s.services.website.apply(s.waiting, s.website_order, word("k")),
        lambda s: s.services.website.apply(s.credited, s.website_order, word("k")),
    ),
    "website.refund_paid": (
        lambda s: s.services.website.refund_paid(s.owed_order, "x" * 64, word("k")),
        lambda s: s.services.website.refund_paid(s.website_order, "x" * 64, word("k")),
    ),
    "reconciliation.accept": (
        lambda s: s.services.reconciliation.accept(OPS, Network.TON, s.wallet, "why"),
        lambda s: s.services.reconciliation.accept(OPS, Network.BSC, s.wallet, "why"),
    ),
    "resealing.reseal": (lambda s: s.services.resealing.reseal(OPS), None),
    "strangers.turned_away": (
        lambda s: s.services.strangers.turned_away(OPS, "telegram.turned_away", "chat:1", said="/start"),
        None,
    ),
    "webhooks.resend": (
        lambda s: s.services.webhooks.resend(s.event, OPS),
        lambda s: s.services.webhooks.resend(EventId("evt_99"), OPS),
    ),
}


#: Acts that have nothing before, or that change nothing: why their rows do not tell both.
NO_BEFORE: Final = {
    "api_keys.mint": "the account and its key begin with it",
    "api_keys.mint_once": "the account and its key begin with it",
    "catalog.put": "of a new product; a known one is tried below",
    "marketplace.take": "the order begins with it",
    "website.open": "the order begins with it",
    "strangers.turned_away": "nothing is changed for them",
}


def acts_of(services: Services) -> set[str]:
    """Every use case that says who acts."""
    return {
        f"{field}.{name}"
        for field in (attribute.name for attribute in services.__attrs_attrs__)
        for name, method in inspect.getmembers(getattr(services, field), inspect.iscoroutinefunction)
        if not name.startswith("_") and {"actor", "instruction"} & set(inspect.signature(method).parameters)
    }


def test_every_act_is_tried_here() -> None:
    assert acts_of(open_world().services) == set(ACTS)


@pytest.mark.parametrize("name", ACTS)
async def test_an_act_leaves_one_row_and_a_refused_or_repeated_one_leaves_none(name: str) -> None:
    act, refused = ACTS[name]
    scene = await Scene().set()
    before = await scene.rows()
    if refused is not None:
        with pytest.raises(Refused):
            await refused(scene)
        assert await scene.rows() == before
    result = await act(scene)
    assert await scene.rows() == before + 1
    (row,) = await scene.services.queries.audit_rows(limit=1)
    assert (row.entry.actor, row.entry.at) == (OPS.name, scene.world.clock.now())
    assert ":" in row.entry.target
    told = {detail for detail in ("before", "after") if row.entry.details.get(detail)}
    assert ("before" in told) == (name not in NO_BEFORE)
    assert "after" in told or name in NO_BEFORE
    if isinstance(result, Answered):
        again = await act(scene)
        assert isinstance(again, Answered)
        assert again.replayed
        assert await scene.rows() == before + 1


async def test_a_changed_product_is_told_before_and_after_and_an_import_within_bounds() -> None:
    services = (await Scene().set()).services
    products = [attrs.evolve(PRODUCT, id=ProductId(n), sku=f"s-{n}") for n in range(100, 125)]
    await services.catalog.put_all(products, OPS)
    dearer = [attrs.evolve(product, price=Usdt.of(9)) for product in products[:2]]
    await services.catalog.put_all([*dearer, *products[2:]], OPS)
    await services.catalog.put_all(products[2:], OPS)
    renamed = attrs.evolve(products[2], sku="r", title="B", category="news")
    await services.catalog.put_all([renamed, *products[3:]], OPS)
    await services.catalog.put(attrs.evolve(products[0], min_quantity=3), OPS)
    put, told, same, changed, added = (
        row.entry.details for row in await services.queries.audit_rows(limit=5)
    )
    assert (added["added"], added["changed"]) == ("25", "0")
    assert added["before"].startswith("100: not there; 101: not there; ")
    assert added["after"].endswith("119: s-119, A, mail, 8.0 USDT, at least 1 and 5 more")
    assert (changed["added"], changed["changed"]) == ("0", "2")
    before, after = (f"{price} USDT, at least 1" for price in ("8.0", "9.0"))
    assert changed["before"] == f"100: s-100, A, mail, {before}; 101: s-101, A, mail, {before}"
    assert changed["after"] == f"100: s-100, A, mail, {after}; 101: s-101, A, mail, {after}"
    assert same["before"] == same["after"] == "the same as before"
    assert (told["changed"], told["before"]) == ("1", f"102: s-102, A, mail, {before}")
    assert told["after"] == f"102: r, B, news, {before}"
    assert (put["before"], put["after"]) == (
        "s-100, A, mail, 9.0 USDT, at least 1",
        "s-100, A, mail, 8.0 USDT, at least 3",
    )


async def test_no_row_tells_a_secret() -> None:
    scene = await Scene().set()
    shown: list[str] = []
    for minted in (
        await scene.services.api_keys.mint("Cid", OPS),
        await scene.services.api_keys.replace(scene.ann.record.fp, OPS),
    ):
        assert minted.secret is not None
        shown += [minted.key, minted.secret]
    shown.append((await scene.services.api_keys.rotate_secret(scene.bob.record.fp, OPS)).secret)
    await scene.services.catalog.add_stock(ProductId(1), [b'{"password": "hunter2"}'], OPS)
    told = repr(await scene.services.queries.audit_rows(limit=1_000))
    for secret in (*shown, scene.ann.key, "hunter2"):
        assert secret not in told


@pytest.mark.parametrize("name", ACTS)
async def test_after_each_act_the_trail_and_the_books_agree(name: str) -> None:
    scene = await Scene().set()
    await ACTS[name][0](scene)
    verified = await scene.services.audit.verify()
    assert (verified.broken_at, verified.untold) == (None, [])


async def test_a_trail_in_memory_holds() -> None:
    scene = await Scene().set()
    verified = await scene.services.audit.verify()
    assert (verified.broken_at, verified.end.number) == (None, await scene.rows())
