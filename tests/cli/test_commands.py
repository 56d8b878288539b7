"""The operator's commands, typed: keys, deposits, orders, the audit and the books."""

from __future__ import annotations

import re

import attrs
import pytest

from tests.cli.conftest import Terminal
from ytmarket.application.errors import BooksUnbalanced
from ytmarket.domain.errors import AccountFrozen, DepositNotWaiting, KeyNotFound, Overdrawn
from ytmarket.entrypoints.settings import SettingsError

UNMATCHED = """
    insert into deposit (network, tx_hash, event_index, recipient, raw, decimals, amount, height, block_ref,
        at, seen_at, status, reason)
    values ('usdt_ton', 'x{number}', 0, 'w', {micros}, 6, {micros}, 1, 'b', now(), now(), 'unmatched',
        'no_such_amount');
    insert into transfer (kind, ref, debit, credit, amount, at, deposit_id)
    values ('deposit_set_aside', '{number}', 'wallet:usdt_ton', 'unmatched:usdt_ton', {micros}, now(),
        {number})
"""


def mint(terminal: Terminal, label: str = "Ann") -> dict[str, str]:
    (told,) = terminal.rows("keys", "mint", label)
    minted: dict[str, str] = told
    return minted


def test_a_keys_life(terminal: Terminal) -> None:
    told = mint(terminal, "[bold]Ann")
    fp = told["fp"]
    assert "25.0 USDT; the balance is 25.0 USDT" in terminal.types(
        "keys", "credit", fp, "25", "--reason", "a gift"
    )
    assert "-5.0 USDT; the balance is 20.0" in terminal.types(
        "keys", "credit", fp, "-5", "--reason", "a slip"
    )
    with pytest.raises(Overdrawn):
        terminal.types("keys", "credit", fp, "-20.000001", "--reason", "too much")
    terminal.types("keys", "allow-ip", fp, "192.0.2.7", "2001:db8::/32")
    (row,) = terminal.rows("keys", "list")
    assert (row["fp"], row["label"], row["balance"], row["revoked"]) == (fp, "[bold]Ann", "20.0", "-")
    assert row["from"] == "192.0.2.7/32, 2001:db8::/32"
    assert "[bold]Ann" in terminal.types("keys", "list")
    terminal.types("keys", "allow-ip", fp)
    (rotated,) = terminal.rows("keys", "rotate-secret", fp)
    assert rotated["secret"] != told["secret"]
    (new,) = terminal.rows("keys", "replace", fp)
    assert new["fp"] != fp
    terminal.types("keys", "revoke", new["fp"], "--reason", "gone")
    assert [row["revoked"] == "-" for row in terminal.rows("keys", "list")] == [False, False]
    with pytest.raises(KeyNotFound):
        terminal.types("keys", "revoke", "0" * 12)


def test_an_act_with_a_name_happens_once(terminal: Terminal) -> None:
    fp = mint(terminal)["fp"]
    words = ("keys", "credit", fp, "25", "--reason", "a gift", "--once", "ticket-42")
    terminal.types(*words)
    with pytest.raises(Exception, match="done before"):
        terminal.types(*words)
    assert terminal.rows("keys", "list")[0]["balance"] == "25.0"


def test_deposits_are_listed_credited_put_right_and_returned(terminal: Terminal) -> None:
    ann, bob = mint(terminal)["fp"], mint(terminal, "Bob")["fp"]
    for number, amount in enumerate((98, 55), start=1):
        terminal.sql(UNMATCHED.format(number=number, micros=amount * 1_000_000))
    assert [row["id"] for row in terminal.rows("deposits", "list")] == ["2", "1"]
    assert terminal.rows("deposits", "list", "--dust") == []
    assert "98.0 USDT are credited" in terminal.types("deposits", "credit", 1, ann, "--reason", "hers")
    with pytest.raises(DepositNotWaiting):
        terminal.types("deposits", "credit", 1, bob, "--reason", "hers")
    terminal.types("deposits", "correct", 1, bob, "--reason", "his, after all")
    assert "is returned" in terminal.types("deposits", "return", 2, "--reason", "not ours")
    assert [row["balance"] for row in terminal.rows("keys", "list")] == ["0.0", "98.0"]
    assert terminal.rows("deposits", "list") == []
    assert [row["status"] for row in terminal.rows("deposits", "list", "--status", "returned")] == [
        "returned"
    ]
    assert "books are true" in terminal.types("verify")
    acts = [row["action"] for row in terminal.rows("audit", "--limit", 3)]
    assert acts == ["deposit.return", "deposit.correct", "deposit.credit"]


def test_a_deposit_that_its_chain_took_back_is_taken_back(terminal: Terminal) -> None:
    fp, why = mint(terminal)["fp"], ("--reason", "its block is gone")
    for number in (1, 2):
        terminal.sql(UNMATCHED.format(number=number, micros=98_000_000))
    terminal.types("deposits", "credit", 1, fp, *why)
    terminal.types("keys", "credit", fp, "-90", *why)
    said = terminal.types("deposits", "orphan", 1, *why, "--once", "a")
    assert "8.0 USDT taken back, 90.0 USDT lost" in said
    assert f"ytmarket books unfreeze {fp}" in said
    with pytest.raises(Exception, match="done before"):
        terminal.types("deposits", "orphan", 1, *why, "--once", "a")
    with pytest.raises(DepositNotWaiting):
        terminal.types("deposits", "orphan", 1, *why)
    assert "reason must not be blank" in terminal.types("deposits", "orphan", 2, "--reason", " ", code=1)
    with pytest.raises(AccountFrozen):
        terminal.types("keys", "credit", fp, "5", *why)
    assert "frozen" not in terminal.types("deposits", "orphan", 2, *why)
    assert "books are true" in terminal.types("verify")
    assert "free again" in terminal.types("books", "unfreeze", fp, *why)
    assert [row["balance"] for row in terminal.rows("keys", "list")] == ["0.0"]
    assert terminal.rows("deposits", "list") == []
    assert [row["id"] for row in terminal.rows("deposits", "list", "--status", "orphaned")] == ["2", "1"]


def test_a_reason_is_wanted(terminal: Terminal) -> None:
    fp = mint(terminal)["fp"]
    assert "reason must not be blank" in terminal.types("keys", "credit", fp, "1", "--reason", " ", code=1)


def test_the_audit_is_verified_and_a_hole_in_it_is_found(terminal: Terminal) -> None:
    for label in ("Ann", "Bob", "Cid"):
        mint(terminal, label)
    said = terminal.types("audit", "verify")
    assert said.startswith("3 rows, whole")
    end = said.split()[-1]
    assert terminal.types("audit", "verify", "--known", end) == said
    with pytest.raises(SettingsError, match="NUMBER:HASH"):
        terminal.types("audit", "verify", "--known", "nonsense")
    terminal.sql("alter table api_audit_log disable trigger all; delete from api_audit_log where number = 2")
    assert "broken at row 2" in terminal.types("audit", "verify", code=1)
    terminal.sql("delete from api_audit_log; delete from setting where name = 'audit_end'")
    emptied = terminal.types("audit", "verify", code=1)
    assert "broken at row 1" in emptied
    assert "none tells of key:" in emptied
    assert "broken at row 1" in terminal.types("audit", "verify", "--known", end, code=1)


def test_books_that_are_not_true_are_told(terminal: Terminal) -> None:
    fp = mint(terminal)["fp"]
    terminal.types("keys", "credit", fp, "25", "--reason", "a gift")
    assert terminal.rows("verify") == []
    terminal.sql("update account set topped_up = 26000000")
    said = terminal.types("verify", code=1)
    assert "account 1" in said
    assert "1 mismatches" in said


def test_a_frozen_account_is_let_go_once_its_books_are_in_order(terminal: Terminal) -> None:
    fp = mint(terminal)["fp"]
    why = ("--reason", "put right, see ticket 7")
    assert "was not frozen" in terminal.types("books", "unfreeze", fp, *why)
    terminal.sql("update account set topped_up = topped_up + 1, frozen = true")
    with pytest.raises(AccountFrozen):
        terminal.types("keys", "credit", fp, "25", "--reason", "a gift")
    with pytest.raises(BooksUnbalanced, match="balance: account 1 has 1 0 0 1"):
        terminal.types("books", "unfreeze", fp, *why)
    terminal.sql("update account set topped_up = topped_up - 1")
    assert "free again" in terminal.types("books", "unfreeze", fp, *why)
    terminal.types("keys", "credit", fp, "25", "--reason", "a gift")
    (_, row, *_) = terminal.rows("audit")
    assert (row["action"], row["target"]) == ("account.unfreeze", f"key:{fp}")
    assert "before: frozen" in row["details"]


def test_whatever_can_be_copied_stands_whole_in_a_narrow_terminal(terminal: Terminal) -> None:
    fp = mint(terminal, "A customer with a label that is by far too long for it")["fp"]
    terminal.sql(UNMATCHED.format(number=1, micros=98_000_000))
    narrow = attrs.evolve(
        terminal, environment={**terminal.environment, "COLUMNS": "80", "TTY_COMPATIBLE": "1"}
    )
    for words, whole in ((["keys"], fp), (["deposits"], "no_such_amount")):
        told = narrow.types(*words, "list")
        assert whole in told
        assert "No room for" in told
        assert all(len(line) <= 80 for line in told.splitlines())


def test_a_pipe_gets_every_column_and_a_line_for_each_row(terminal: Terminal) -> None:
    fp = mint(terminal, "A customer with a label that is by far too long for it")["fp"]
    piped = attrs.evolve(terminal, environment={**terminal.environment, "COLUMNS": "80"})
    header, row = piped.types("keys", "list").splitlines()
    assert re.split("  +", header.strip()) == list(terminal.rows("keys", "list")[0])
    assert fp in row
    assert "far too long for it" in row
