"""A shop that serves one request at a time, written the obvious way: decimals, lists and loops."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from ytmarket.domain import AccountId, Outcome, Placed, Refused, Replayed, UnitId
from ytmarket.domain.shop import OrderRequest, PlaceOrder
from ytmarket.testing.strategies import Batch

CENT = Decimal("0.01")
Told = tuple[object, ...]


def told(outcome: Outcome) -> Told:
    """An outcome as the naive shop would put it."""
    match outcome:
        case Placed(order=order, units=units):
            return "placed", Decimal(str(order.price)), order.hits, list(units)
        case Replayed(answer):
            return "replayed", answer
        case Refused():
            return "refused", outcome.code, {name: str(value) for name, value in outcome.extras().items()}


class NaiveShop:
    """What is left after each request; nothing of a batch."""

    def __init__(self, batch: Batch) -> None:
        facts, minimum = batch.facts, batch.terms.minimum
        self.balances = {account: Decimal(str(known.balance)) for account, known in facts.accounts.items()}
        self.frozen = {account for account, known in facts.accounts.items() if known.frozen}
        self.shelves = {product: list(units) for product, units in facts.units.items()}
        self.products = facts.products
        self.floor, self.rate = Fraction(minimum.floor_rub), Fraction(minimum.rub_per_usdt)
        self.taken = [Decimal(str(amount)) for amount in facts.taken]
        self.answers = dict(facts.answers)
        self.used = set(facts.used_signatures)
        self.under_way: set[tuple[int, str]] = set()

    def serve(self, request: OrderRequest) -> Told:
        again = request.signature in self.used
        if request.signature is not None:
            self.used.add(request.signature)
        name = request.attempt and (request.api_key_id, request.attempt.key)
        if name in self.answers and request.attempt is not None:
            stored = self.answers[name]
            if stored.digest == request.attempt.digest:
                return "replayed", stored.answer
            return refused("signature_replayed" if again else "idempotency_key_reused")
        if name in self.under_way:
            return refused("idempotency_in_flight")
        if again:
            return refused("signature_replayed")
        if isinstance(request.command, Refused):
            return told(request.command)
        answer = self.sell(request.account_id, request.command)
        if name and answer[0] == "placed":
            self.under_way.add(name)
        return answer

    def sell(self, account: AccountId, wanted: PlaceOrder) -> Told:
        product = self.products.get(wanted.product_id)
        if product is None:
            return refused("product_not_found")
        least = product.min_quantity
        while least * Fraction(str(product.price)) * self.rate < self.floor:
            least += 1
        shelf = self.shelves[wanted.product_id]
        if wanted.quantity < least:
            return refused("below_minimum", min_quantity=least)
        if wanted.quantity > len(shelf):
            return refused("insufficient_stock", available=len(shelf))
        if account in self.frozen:
            return refused("account_frozen")
        price, hits = self.price(Decimal(str(product.price)) * wanted.quantity)
        if wanted.max_price is not None and price > Decimal(str(wanted.max_price)):
            return refused("price_changed", price_usdt=price)
        return self.charge(account, price, hits, shelf, wanted.quantity)

    def price(self, total: Decimal) -> tuple[Decimal, int]:
        base = max(total.quantize(CENT, ROUND_HALF_UP), CENT)
        price = base
        for hits in range(11):
            price = (base + base * hits / 100).quantize(CENT, ROUND_HALF_UP)
            if all(abs(price - amount) > Decimal("0.02") for amount in self.taken):
                return price, hits
        return price, 11

    def charge(
        self, account: AccountId, price: Decimal, hits: int, shelf: list[UnitId], quantity: int
    ) -> Told:
        balance = self.balances[account]
        if balance < price:
            return refused(
                "insufficient_balance",
                balance_usdt=balance,
                required_usdt=price,
                shortfall_usdt=price - balance,
            )
        self.balances[account] = balance - price
        self.taken.append(price)
        units, shelf[:] = shelf[:quantity], shelf[quantity:]
        return "placed", price, hits, units


def refused(code: str, **extras: Decimal | int) -> Told:
    return "refused", code, {name: written(value) for name, value in extras.items()}


def written(value: Decimal | int) -> str:
    """As the domain writes amounts: at least one place, no needless zeros."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:f}".rstrip("0") if "." in f"{value:f}" else f"{value:f}."
    return text + "0" if text.endswith(".") else text
