"""The shop's rules inside a program of your own: no server, no database, attrs and nothing else."""

from datetime import UTC, datetime

from ytmarket import domain
from ytmarket.domain import Usdt

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ANN, TRON = domain.AccountId(1), domain.Network.TRON

# Ann wants to pay in 100 USDT. Somebody else's 100 is awaited already, so hers is the next free amount.
amount = domain.choose_amount(Usdt.of(100), own=[], others=[Usdt.of(100)])
assert amount is not None, "everything up to 101 USDT is taken"
times = domain.TopupTimes.of(TRON, domain.TopupTerms(), NOW)
starts, ends, kept = times.starts_at, times.expires_at, times.reserved_until
payer, ref = domain.Payer(domain.Purpose.TOPUP, ANN), domain.TopupId("t1")
claim = domain.Claim(
    payer=payer, ref=ref, network=TRON, amount=amount, starts_at=starts, expires_at=ends, reserved_until=kept
)
print(f"send exactly {amount} USDT before {ends:%H:%M}")

# A transfer is final on chain: whose is it? It is a cent short, and still hers.
deposit = domain.Deposit(
    network=TRON,
    tx_hash="5e9f",
    event_index=0,
    sender=None,
    recipient="our wallet",
    raw=100_020_000,
    decimals=6,
    height=1,
    block_ref="b1",
    at=NOW,
)
totals = domain.CustomerTotals()
if isinstance(domain.match_deposit(deposit, [claim]), domain.Matched):
    credit = domain.ledger.deposit_credited(domain.DepositId(1), TRON, ANN, deposit.amount, deposit.at)
    totals = totals.after(credit, ANN)
print(f"credited {totals.topped_up} USDT")

# She orders ten pieces. An order took the same amount a moment ago, so hers costs a percent more.
window = domain.PriceWindow()
window.take(Usdt.of("12.34"), NOW)
price = domain.quote(domain.base_price(Usdt.of("1.234"), 10), window.taken(NOW))
totals = totals.after(domain.ledger.order_charged(domain.OrderId(1), ANN, price.amount, NOW), ANN)
print(f"charged {price.amount} USDT after {price.hits} hit, balance {totals.balance} USDT")
