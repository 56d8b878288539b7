"""The shop's rules inside a program of your own: no server, no database, attrs and nothing else."""

from datetime import UTC, datetime

from ytmarket import domain
from ytmarket.domain import Usdt, ledger

NOW, ANN, TRON = datetime(2026, 5, 4, 12, tzinfo=UTC), domain.AccountId(1), domain.Network.TRON

# Ann wants to pay in 100 USDT. Somebody else's 100 is awaited already, so hers is the next free amount.
amount = domain.choose_amount(Usdt.of(100), own=[], others=[Usdt.of(100)])
assert amount is not None, "everything up to 101 USDT is taken"
ends, totals = NOW + domain.TopupTerms().lifetime, domain.CustomerTotals()
ann, ref = domain.Payer(domain.Purpose.TOPUP, ANN), domain.TopupId("t1")
claim = domain.Claim(
    payer=ann, ref=ref, network=TRON, amount=amount, starts_at=NOW, expires_at=ends, reserved_until=ends
)
print(f"send exactly {amount} USDT before {ends:%H:%M}")

# A transfer is final on chain: whose is it? It is a cent short, and still hers.
where = {"tx_hash": "5e9f", "block_ref": "b1", "sender": "her wallet", "recipient": "our wallet"}
sent = domain.Deposit(network=TRON, raw=100_020_000, decimals=6, event_index=0, height=1, at=NOW, **where)
if isinstance(domain.match_deposit(sent, [claim]), domain.Matched):
    totals = totals.after(ledger.deposit_credited(domain.DepositId(1), TRON, ANN, sent.amount, sent.at), ANN)
print(f"credited {totals.topped_up} USDT")

# She orders ten pieces. An order took the same amount a moment ago, so hers costs a percent more.
price = domain.quote(domain.base_price(Usdt.of("1.234"), 10), taken={Usdt.of("12.34")})
totals = totals.after(ledger.order_charged(domain.OrderId(1), ANN, price.amount, NOW), ANN)
print(f"charged {price.amount} USDT after {price.hits} hit, balance {totals.balance} USDT")
