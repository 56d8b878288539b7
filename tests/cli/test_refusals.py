"""What a person can mend is one sentence at the terminal, whoever it comes from; never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal

UNMATCHED = """
    insert into deposit (network, tx_hash, event_index, recipient, raw, decimals, amount, height, block_ref,
        at, seen_at, status, reason)
    values ('usdt_ton', 'x1', 0, 'w', 98000000, 6, 98000000, 1, 'b', now(), now(), 'unmatched',
        'no_such_amount');
    insert into transfer (kind, ref, debit, credit, amount, at, deposit_id)
    values ('deposit_set_aside', '1', 'wallet:usdt_ton', 'unmatched:usdt_ton', 98000000, now(), 1)
"""


def program(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program as it is installed, in a process of its own."""
    told = {name: text for name, text in os.environ.items() if not name.startswith("YTMARKET_")}
    return subprocess.run(
        [sys.executable, "-m", "ytmarket.entrypoints", *words],
        env=told | {"COLUMNS": "300"} | {f"YTMARKET_{name}": text for name, text in environment.items()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_refusal_is_one_sentence(terminal: Terminal) -> None:
    ran = program("orders", "show", "99", DATABASE_URL=terminal.dsn, DATA_DIR=str(terminal.folder / "data"))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "ytmarket: You have no order with this id.\n"


def test_every_group_of_commands_says_why_not(terminal: Terminal) -> None:
    for words in (
        ("keys", "revoke", "nosuch"),
        ("orders", "cancel", 99, "--reason", "x"),
        ("keys", "credit", "abc", 0, "--reason", "x"),
        ("keys", "credit", "abc", "much", "--reason", "x"),
        ("deposits", "credit", 1, "nosuch", "--reason", "x"),
        ("website", "show", 9),
        ("webhooks", "resend", "evt_1"),
        ("keys", "mint", "B", "--allow-ip", "nonsense"),
    ):
        said = terminal.types(*words, code=1)
        assert said.startswith("ytmarket: "), said
        assert len(said.splitlines()) == 1, said


def test_a_refusal_tells_what_is_needed_to_go_on(terminal: Terminal) -> None:
    terminal.types("migrate")
    terminal.sql(UNMATCHED)
    terminal.types("deposits", "return", 1, "--reason", "not ours")
    said = terminal.types("deposits", "return", 1, "--reason", "not ours", code=1)
    assert said.endswith("tells what became of it. deposit_status: returned\n")


@pytest.mark.parametrize("text", ["[/x]", "[x]:00"])
def test_what_was_typed_is_told_as_it_was_typed(terminal: Terminal, text: str) -> None:
    assert repr(text) in terminal.types("audit", "verify", "--known", text, code=1)


def test_a_file_may_be_called_anything(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "[" / "red].csv"
    file.parent.mkdir()
    file.write_text("id\nnone\n")
    assert "[/red].csv" in terminal.types("catalog", "import", file, code=1)


@pytest.mark.parametrize("command", ["serve", "worker", "verify"])
@pytest.mark.parametrize(
    "address", ["postgresql+psycopg://shop:s3cr3t@127.0.0.1:1/x", "postgresql://shop:s3cr3t%zz@127.0.0.1:1/x"]
)
def test_an_address_that_is_none_is_named_and_not_shown(command: str, address: str) -> None:
    ran = program(command, DATABASE_URL=address)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("ytmarket: YTMARKET_DATABASE_URL: an address of a PostgreSQL is needed")
    assert "s3cr3t" not in ran.stderr


def test_what_keeps_a_server_from_starting_is_one_sentence(terminal: Terminal) -> None:
    ran = program("serve", "--port", "0", DATABASE_URL=terminal.dsn, MASTER_KEY="short")
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("ytmarket: The master key cannot be used: ")


def test_books_that_nobody_has_opened_yet_cannot_be_verified(terminal: Terminal) -> None:
    assert "run `ytmarket migrate` first" in terminal.types("verify", code=1)
    terminal.types("migrate")
    assert "The books are true." in terminal.types("verify")


def test_whoever_sits_at_the_terminal_has_a_name(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    terminal.types("keys", "mint", "Ann")
    assert terminal.rows("audit")[0]["actor"] == "cli:uid-4000000000"
    monkeypatch.setenv("LOGNAME", "caf\udce9")
    terminal.types("keys", "mint", "Bob")
    assert terminal.rows("audit")[0]["actor"] == r"cli:caf\udce9"


def test_the_terminal_has_the_limits_of_the_other_doors(terminal: Terminal) -> None:
    (minted,) = terminal.rows("keys", "mint", "Ann")
    fp, long = minted["fp"], "x" * 501
    for words, said in (
        (("keys", "mint", ""), "label must not be blank"),
        (("keys", "mint", "x" * 201), "label must have at most 200 characters"),
        (("keys", "credit", fp, 5, "--reason", " "), "reason must not be blank"),
        (("keys", "credit", fp, 5, "--reason", long), "reason must have at most 500 characters"),
        (("keys", "revoke", fp, "--reason", long), "reason must have at most 500 characters"),
        (("webhooks", "resend", "evt_1", "--reason", " "), "reason must not be blank"),
        (("networks", "accept", "usdt_ton", "--reason", " "), "reason must not be blank"),
        (("marketplace", "take", 1, 1, 10, "", "7"), "channel must not be blank"),
        (("marketplace", "take", 1, 1, 10, "shop", " "), "external_id must not be blank"),
        (("website", "refund-paid", 1, "", "--reason", "x"), "tx_hash must not be blank"),
        (("keys", "allow-ip", fp, *(f"192.0.2.{n}" for n in range(101))), "at most 100 addresses or ranges"),
        (("devnet", "send", "usdt_ton", 99_999_999_999_999), "at most 1000000000000.0 USDT"),
    ):
        assert said in terminal.types(*words, code=1), words
    assert [row["action"] for row in terminal.rows("audit")] == ["api_key.mint"]


def test_numbers_that_nothing_can_have_are_refused_as_they_are_read(terminal: Terminal) -> None:
    huge = 10**19
    for words in (
        ("keys", "list", "--page", huge),
        ("orders", "list", "--page", huge),
        ("orders", "list", "--product", huge),
        ("orders", "show", huge),
        ("deposits", "list", "--page", huge),
        ("deposits", "return", huge, "--reason", "x"),
        ("website", "show", huge),
        ("stock", "import", huge, "nosuch.csv"),
        ("networks", "rescan", "usdt_ton", "--from", huge),
    ):
        assert "Invalid value for" in terminal.types(*words, code=2), words


def test_words_that_are_no_text_are_refused(terminal: Terminal) -> None:
    for words in (
        ("keys", "mint", "caf\udce9"),
        ("keys", "revoke", "\udce9"),
        ("orders", "list", "--key", "\udce9"),
    ):
        assert "is not UTF-8" in terminal.types(*words, code=1)
    assert "nothing was imported" in terminal.types("catalog", "import", latin(terminal.folder), code=1)


def latin(folder: Path) -> Path:
    """A file that was named on a machine that spoke another encoding."""
    file = folder / os.fsdecode(b"caf\xe9.csv")
    file.write_text("id\nnone\n")
    return file
