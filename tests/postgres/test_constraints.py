"""What must never happen is refused by the database itself, and each refusal has a meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from ytmarket.adapters.postgres.errors import GUARDS, REFUSALS, BrokenRule, refusal
from ytmarket.domain.errors import Refused
from ytmarket.testing.postgres import TemporaryPostgres

#: A small shop: two accounts, one product with three units, one order that has got one of them.
SHOP: Final = """
insert into account (label, created_at) values ('ann', now()), ('bob', now());
insert into account (label, created_at, frozen) values ('cold', now(), true);
insert into transfer (kind, ref, debit, credit, amount, at, account_id)
    values ('adjustment', 'gift', 'adjustments', 'customer:1', 1000, now(), 1);
insert into api_key (id, account_id, fp, digest, label, created_at) values (1, 1, 'fp1', 'd1', 'ann', now());
insert into product (id, sku, title, category, price, min_quantity, created_at, updated_at)
    values (1, 'mail', 'Mail', 'Mail', 100, 1, now(), now());
insert into stock_unit (id, product_id, sealed, fingerprint, created_at)
    select unit, 1, 'sealed', unit::text::bytea, now() from generate_series(1, 3) unit;
insert into orders (id, channel, account_id, api_key_id, product_id, quantity, price, hits, charged, settled,
        status, delivered, created_at, updated_at, deadline_at)
    values (1, 'api', 1, 1, 1, 1, 100, 0, 100, 100, 'completed', 1, now(), now(), now());
insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id)
    values ('order_charged', '1', 'customer:1', 'escrow', 100, now(), 1, 1);
update stock_unit set order_id = 1 where id = 1;
insert into delivery (unit_id, order_id, at) values (1, 1, now());
insert into event (order_id, status, refunded, at, delivery) values (1, 'completed', 0, now(), 'unwanted');
insert into idempotency (api_key_id, key, digest, answer, at) values (1, 'k', 'd', 'a', now());
insert into used_signature (api_key_id, digest, at) values (1, 's', now());
insert into reservation (network, network_number, amount, purpose, payer, live)
    values ('usdt_trc_20', 1, 100000000, 2, 1, tstzrange(now(), now() + interval '1 hour'));
insert into deposit (network, tx_hash, event_index, recipient, raw, decimals, amount, height, block_ref, at,
        seen_at, status)
    values ('usdt_trc_20', 'x', 0, 'w', 100, 6, 100, 1, 'b', now(), now(), 'credited_auto');
insert into topup (id, account_id, reservation_id, network, address, requested, amount, created_at, starts_at,
        expires_at, status, deposit_id)
    values (gen_random_uuid(), 1, 1, 'usdt_trc_20', 'w', 100000000, 100000000, now(), now(), now(),
        'credited_auto', 1);
insert into api_audit_log (number, at, actor, action, target, details, previous, hash)
    values (1, now(), 'admin', 'mint', 'key:1', '{}', '', 'h');
insert into devnet_transfer (network, tx_hash, amount, at) values ('usdt_trc_20', 'x', 100, now());
insert into website_order (order_id, network, address, reservation_id, expires_at)
    values (2, 'usdt_trc_20', 'w', 1, now());
insert into marketplace_order (order_id, marketplace, external_id) values (3, 'bazaar', 'A-1');
"""

TRANSFER = "insert into transfer (kind, ref, debit, credit, amount, at, account_id) values "
OF_ORDER = "insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id) values "
OF_DEPOSIT = "insert into transfer (kind, ref, debit, credit, amount, at, deposit_id) values "
KEY = "insert into api_key (id, account_id, fp, digest, label, created_at) values "
EVENT = "insert into event (order_id, status, refunded, at, delivery) values "
UNIT = "insert into stock_unit (id, product_id, sealed, fingerprint, created_at) values "
RESERVE = "insert into reservation (network, network_number, amount, purpose, payer, live) values "
DEPOSIT = """
    insert into deposit (network, tx_hash, event_index, recipient, raw, decimals, amount, height, block_ref,
        at, seen_at, status)
    values
"""
TOPUP = """
    insert into topup (id, account_id, reservation_id, network, address, requested, amount, created_at,
        starts_at, expires_at, status, deposit_id)
    select gen_random_uuid(), 1, 1, 'usdt_trc_20', 'w', 1, 1, now(), now(), now(),
"""
PRODUCT = """
    insert into product (id, sku, title, category, price, min_quantity, created_at, updated_at, available)
    select 2,
"""

#: Constraint → one statement, or several, that it must refuse.
VIOLATIONS: Final[dict[str, tuple[str, ...]]] = {
    "account_balance_not_negative": (
        TRANSFER + "('adjustment', 'debit', 'customer:1', 'adjustments', 901, now(), 1)",
        TRANSFER + "('adjustment', 'debit', 'customer:2', 'adjustments', 1, now(), 2)",
        "update account set topped_up = 99 where id = 1",
    ),
    "account_frozen": (
        TRANSFER + "('adjustment', 'x', 'adjustments', 'customer:3', 1, now(), 3)",
        TRANSFER
        + "('adjustment', 'x', 'adjustments', 'customer:1', 1, now(), 1),"
        + "('adjustment', 'y', 'adjustments', 'customer:3', 1, now(), 3)",
    ),
    "account_refunds_bounded": (
        OF_ORDER + "('order_refunded', '1', 'escrow', 'customer:1', 101, now(), 1, 1)",
        "update account set refunded = -1 where id = 1",
    ),
    "api_audit_log_immutable": (
        "update api_audit_log set actor = 'nobody'",
        "delete from api_audit_log",
        "truncate api_audit_log",
    ),
    "api_key_digest_once": (KEY + "(2, 2, 'fp2', 'd1', '', now())",),
    "api_key_fp_once": (KEY + "(2, 2, 'fp1', 'd2', '', now())",),
    "delivery_immutable": ("update delivery set order_id = 2", "delete from delivery", "truncate delivery"),
    "delivery_pkey": ("insert into delivery (unit_id, order_id, at) values (1, 2, now())",),
    "deposit_amount": (DEPOSIT + "('usdt_trc_20', 'y', 0, 'w', 0, 6, 0, 1, 'b', now(), now(), 'received')",),
    "deposit_once": (DEPOSIT + "('usdt_trc_20', 'x', 0, 'w', 7, 6, 7, 2, 'b', now(), now(), 'received')",),
    "deposit_reason": (DEPOSIT + "('usdt_trc_20', 'y', 0, 'w', 7, 6, 7, 2, 'b', now(), now(), 'unmatched')",),
    "deposit_status": (DEPOSIT + "('usdt_trc_20', 'y', 0, 'w', 7, 6, 7, 2, 'b', now(), now(), 'lost')",),
    "devnet_amount_positive": (
        "insert into devnet_transfer (network, tx_hash, amount, at) values ('usdt_trc_20', 'y', 0, now())",
    ),
    "devnet_hash_once": (
        "insert into devnet_transfer (network, tx_hash, amount, at) values ('usdt_trc_20', 'x', 9, now())",
    ),
    "event_delivery": ("update event set delivery = 'lost'",),
    "event_due": ("update event set delivery = 'pending'", "update event set due_at = now()"),
    "event_once": (EVENT + "(1, 'completed', 0, now(), 'unwanted')",),
    "idempotency_once": (
        "insert into idempotency (api_key_id, key, digest, answer, at) values (1, 'k', 'e', 'b', now())",
    ),
    "marketplace_order_once": (
        "insert into marketplace_order (order_id, marketplace, external_id) values (4, 'bazaar', 'A-1')",
    ),
    "order_amounts": ("update orders set price = 0", "update orders set settled = 110, refunded = -10"),
    "order_channel": ("update orders set channel = 'fax', account_id = null, api_key_id = null",),
    "order_delivered": ("update orders set delivered = 2", "update orders set delivered = -1"),
    "order_key": ("update orders set api_key_id = null",),
    "order_money_bounded": (
        "update orders set settled = 101",
        "update orders set refunded = 1",
        "update orders set charged = 99",
    ),
    "order_money_divided": (
        "update orders set settled = 99",
        "update orders set status = 'failed', refund = 'refunded', settled = 0, refunded = 99",
    ),
    "order_payer": (
        "update orders set account_id = null",
        "update orders set channel = 'website', api_key_id = null",
    ),
    "order_quantity": ("update orders set quantity = 0, delivered = 0", "update orders set quantity = 10001"),
    "order_receiver": ("update orders set receiver = ''", "update orders set webhook_url = ''"),
    "order_refund": ("update orders set refund = 'perhaps'",),
    "order_status": ("update orders set status = 'lost'",),
    "product_available_not_negative": ("update product set available = -1",),
    "product_min_quantity_positive": ("update product set min_quantity = 0",),
    "product_price_positive": ("update product set price = 0",),
    "product_sku_once": (PRODUCT + "'mail', 'Other', 'Mail', 1, 1, now(), now(), 0",),
    "reservation_amount": (
        RESERVE + "('usdt_trc_20', 1, 10000, 2, 1, tstzrange(now(), now() + interval '1 hour'))",
        RESERVE + "('usdt_trc_20', 1, 500000000000000, 2, 1, tstzrange(now(), now() + interval '1 hour'))",
    ),
    "reservation_live": (RESERVE + "('usdt_trc_20', 1, 1000000, 2, 1, 'empty')",),
    "reservation_no_overlap": (
        # Somebody else's, and the same payer's; a band that shares one micro; a span that shares an instant.
        RESERVE + "('usdt_trc_20', 1, 100000000, 2, 2, tstzrange(now(), now() + interval '1 hour'))",
        RESERVE + "('usdt_trc_20', 1, 100000000, 2, 1, tstzrange(now(), now() + interval '1 hour'))",
        RESERVE + "('usdt_trc_20', 1, 100020000, 1, 2, tstzrange(now(), now() + interval '1 hour'))",
        RESERVE + "('usdt_trc_20', 1, 99980000, 2, 2, tstzrange(now() - interval '1 day', now(), '[]'))",
    ),
    "stock_unit_held": ("update stock_unit set order_id = 2 where id = 1",),
    "stock_unit_kept": ("delete from stock_unit", "truncate stock_unit"),
    "stock_unit_once": (UNIT + "(9, 1, '', '1', now())",),
    "topup_credit": (TOPUP + "'credited_auto', null", TOPUP + "'pending', 2"),
    "topup_deposit_once": (TOPUP + "'credited_manual', 1",),
    "topup_status": (TOPUP + "'lost', null",),
    "transfer_account_exists": (TRANSFER + "('adjustment', 'x', 'adjustments', 'customer:9', 1, now(), 9)",),
    "transfer_amount_positive": (
        TRANSFER + "('adjustment', 'x', 'adjustments', 'customer:1', 0, now(), 1)",
        TRANSFER + "('adjustment', 'x', 'adjustments', 'customer:1', -1, now(), 1)",
    ),
    "transfer_between_two": (TRANSFER + "('adjustment', 'x', 'escrow', 'escrow', 1, now(), null)",),
    "transfer_immutable": (
        "update transfer set amount = 2",
        "delete from transfer",
        "truncate transfer",
        "update transfer set amount = 2 where false",
    ),
    "transfer_names_customer": (
        TRANSFER + "('adjustment', 'x', 'adjustments', 'customer:1', 1, now(), null)",
        TRANSFER + "('adjustment', 'x', 'adjustments', 'customer:1', 1, now(), 2)",
        TRANSFER + "('adjustment', 'x', 'adjustments', 'escrow', 1, now(), 1)",
    ),
    "transfer_named_after_its_cause": (
        OF_ORDER + "('order_refunded', '2', 'escrow', 'customer:1', 1, now(), 1, 1)",
        OF_ORDER + "('order_refunded', '1', 'escrow', 'customer:1', 1, now(), 1, null)",
        OF_DEPOSIT + "('deposit_set_aside', '2', 'wallet:usdt_ton', 'unmatched:usdt_ton', 1, now(), 1)",
        OF_DEPOSIT + "('website_payment', '1', 'wallet:usdt_ton', 'escrow', 1, now(), null)",
    ),
    "transfer_of_its_order": (
        OF_ORDER + "('marketplace_returned', '1', 'escrow', 'customer:2', 1, now(), 2, 1)",
        OF_ORDER + "('order_charged', '7', 'customer:1', 'escrow', 1, now(), 1, 7)",
        OF_ORDER + "('order_settled', '7', 'escrow', 'sales', 1, now(), null, 7)",
    ),
    "transfer_once": (OF_ORDER + "('order_charged', '1', 'customer:1', 'escrow', 1, now(), 1, 1)",),
    "used_signature_once": ("insert into used_signature (api_key_id, digest, at) values (1, 's', now())",),
    "website_refund_was_paid": ("update website_order set refund_tx_hash = 'x'",),
    "network_coverage_in_order": (
        "insert into network_coverage values ('usdt_ton', 'w', 7, 6, null, null, now(), now())",
        "insert into network_coverage values ('usdt_ton', 'w', -1, 6, null, null, now(), now())",
    ),
    "network_stopped_by_trouble": ("insert into network_state values ('usdt_ton', 'w', null, true, now())",),
    "reconciliation_agreed_whole": (
        "insert into reconciliation values ('usdt_ton', 'w', now(), now(), 1, null, null, null)",
    ),
}

CASES = [(name, statement) for name, statements in VIOLATIONS.items() for statement in statements]

CONSTRAINTS: Final = """
    select conname from pg_constraint
    where connamespace = 'public'::regnamespace and contype <> 'n' and conname not like 'alembic_version%'
    union all
    select tgrelid::regclass || '_immutable' from pg_trigger where tgfoid = 'row_is_immutable'::regproc
"""
RAISING: Final = "select prosrc from pg_proc where pronamespace = 'public'::regnamespace"
#: Numbers that a sequence gives do not repeat, rows that others refer to are never deleted.
BY_CONSTRUCTION: Final = re.compile(r"_(pkey|fkey)$|^catalog_version_only_row_check$")


@pytest.fixture(scope="module")
def shop(postgres_server: TemporaryPostgres, migrated: str) -> Iterator[str]:
    dsn = postgres_server.new_database(migrated)
    with psycopg.connect(dsn) as connection:
        connection.execute(SHOP.encode())
    yield dsn
    postgres_server.drop_database(dsn)


@pytest.fixture(scope="module")
def named(shop: str) -> set[str]:
    """Every constraint, and what triggers raise in the name of one."""
    with psycopg.connect(shop) as connection:
        names = {row[0] for row in connection.execute(CONSTRAINTS)}
        sources = "\n".join(row[0] for row in connection.execute(RAISING))
    return names | set(re.findall(r"constraint = '(\w+)'", sources))


@pytest.mark.parametrize(("constraint", "statement"), CASES)
def test_the_database_refuses(shop: str, constraint: str, statement: str) -> None:
    with psycopg.connect(shop) as connection, pytest.raises(psycopg.IntegrityError) as refused:
        connection.execute(statement.encode())
    assert refused.value.diag.constraint_name == constraint
    told = refusal(refused.value)
    if constraint in REFUSALS:
        assert isinstance(told, Refused)
        assert type(told) is type(REFUSALS[constraint]())
    else:
        assert isinstance(told, BrokenRule)
        assert GUARDS[constraint] in str(told)


@pytest.mark.parametrize(
    "innocent",
    [
        TRANSFER + "('adjustment', 'debit', 'customer:1', 'adjustments', 900, now(), 1)",
        OF_ORDER + "('order_refunded', '1', 'escrow', 'customer:1', 100, now(), 1, 1)",
        OF_ORDER + "('order_settled', '1', 'escrow', 'sales', 100, now(), null, 1)",
        OF_DEPOSIT + "('deposit_set_aside', '1', 'wallet:usdt_trc_20', 'unmatched:usdt_trc_20', 1, now(), 1)",
        RESERVE + "('usdt_trc_20', 1, 100020001, 2, 2, tstzrange(now(), now() + interval '1 hour'))",
        RESERVE + "('usdt_bep_20', 2, 100000000, 2, 2, tstzrange(now(), now() + interval '1 hour'))",
        RESERVE + "('usdt_trc_20', 1, 100000000, 2, 2, tstzrange(now() + interval '1 hour', null))",
        DEPOSIT + "('usdt_trc_20', 'x', 1, 'w', 7, 6, 7, 2, 'b', now(), now(), 'received')",
        "insert into marketplace_order (order_id, marketplace, external_id) values (4, 'bazaar', 'A-2')",
        "insert into marketplace_order (order_id, marketplace, external_id) values (4, 'fair', 'A-1')",
        "update website_order set paid_on = 'usdt_ton', refund_tx_hash = 'x'",
        "update orders set settled = 60, refunded = 40",
        "update stock_unit set order_id = 2 where id = 2",
        "update stock_unit set order_id = null where id = 1",
    ],
)
def test_what_is_just_inside_the_rules_is_let_through(shop: str, innocent: str) -> None:
    with psycopg.connect(shop) as connection:
        connection.execute(innocent.encode())
        connection.rollback()


def test_every_constraint_has_a_meaning_or_a_reason_to_have_none(named: set[str]) -> None:
    meanings = REFUSALS.keys() | GUARDS.keys()
    assert {name for name in named - meanings if not BY_CONSTRUCTION.search(name)} == set()
    assert meanings <= named
    assert not REFUSALS.keys() & GUARDS.keys()


def test_every_constraint_is_tried() -> None:
    assert VIOLATIONS.keys() == REFUSALS.keys() | GUARDS.keys()


def test_a_customers_balance_is_what_its_transfers_say(shop: str) -> None:
    with psycopg.connect(shop) as connection:
        rows = connection.execute("select topped_up, charged, refunded, balance from account order by id")
        assert rows.fetchall() == [(1000, 100, 0, 900), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_the_shelf_is_counted(shop: str) -> None:
    with psycopg.connect(shop) as connection:
        assert connection.execute("select available from product").fetchone() == (2,)
