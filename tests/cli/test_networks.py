"""How each network is read, typed; and a part of one read once more."""

from __future__ import annotations

import asyncio
import shlex

import pytest

from tests.cli.conftest import Terminal
from tests.docs.reading import ROOT, blocks, text
from ytmarket.application.coverage import NotStuck
from ytmarket.application.ports.chain_reader import ChainGap
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.settings import Settings, SettingsError

TON = Network.TON.value
STATUSES = "select status from deposit where network = 'usdt_ton' order by height"
JUMP = """
    update network_progress set cursor = (select max(id) from devnet_transfer)::text
    where network = 'usdt_ton'
"""
SET_ASIDE_ALREADY = """
    insert into transfer (kind, ref, debit, credit, amount, at, deposit_id)
    select 'deposit_set_aside', id::text, 'wallet:usdt_ton', 'unmatched:usdt_ton', amount, now(), id
    from deposit
"""
CURSOR = "select cursor from network_progress where network = 'usdt_ton'"


def scan(terminal: Terminal, trouble: str | None = None) -> None:
    """One round of the scanner of TON, which a worker would do."""

    async def run() -> None:
        async with open_shop(Settings.from_environment(terminal.environment)) as shop:
            await shop.services.scan.watch(shop.readers)
            (reader,) = (reader for reader in shop.readers if reader.network is Network.TON)
            if trouble is not None:
                await shop.services.scan.note_trouble(reader, trouble, stopped=True)
                return
            await shop.services.scan.scan(reader)

    asyncio.run(run())


def row_of(terminal: Terminal) -> dict[str, str]:
    rows: dict[str, dict[str, str]] = {row["network"]: row for row in terminal.rows("networks")}
    assert set(rows) == {network.value for network in Network}
    return rows[TON]


def test_networks_tell_how_they_fare_and_what_was_left_out_can_be_read(terminal: Terminal) -> None:
    scan(terminal)
    row = row_of(terminal)
    assert (row["covered"], row["gaps"], row["trouble"]) == ("-", "-", "-")
    assert row["lag"].endswith(" s")
    for amount in (5, 6, 7):
        terminal.types("devnet", "send", TON, amount)
        if amount == 6:
            terminal.sql(JUMP)
        else:
            scan(terminal)
    assert terminal.sql(STATUSES) == [("received",)] * 2
    row = row_of(terminal)
    assert (row["covered"], row["gaps"]) == ("1 to 3", "2 to 2")
    said = terminal.types(*typed("ytmarket networks rescan"))
    assert "1 to 3 were read once more. 1 deposit had been missed." in said
    assert terminal.sql(STATUSES) == [("unmatched",)] * 3
    assert row_of(terminal)["gaps"] == "-"
    assert "Nothing had been missed." in terminal.types("networks", "rescan", TON, "--from", 2)
    assert terminal.sql(STATUSES) == [("unmatched",)] * 3
    beyond = terminal.types("networks", "rescan", TON, "--from", 4, code=1)
    assert "--from must be at most 3" in beyond
    acts = [row["action"] for row in terminal.rows("audit")]
    assert acts.count("network.rescan") == 2


def test_what_was_read_once_more_is_told_whatever_the_books_refuse(terminal: Terminal) -> None:
    scan(terminal)
    terminal.types("devnet", "send", TON, 5)
    scan(terminal)
    terminal.sql(SET_ASIDE_ALREADY)
    said = terminal.types("networks", "rescan", TON, "--from", 1, code=1)
    assert "1 to 1 were read once more. Nothing had been missed." in said
    assert "deposit 1 is kept, but the books refuse it (" in said
    assert "deposit 1" in terminal.types("verify", code=1)
    assert terminal.sql(STATUSES) == [("received",)]


def test_what_has_stopped_says_so_and_can_be_restarted(terminal: Terminal) -> None:
    scan(terminal)
    with pytest.raises(NotStuck):
        terminal.types("networks", "rescan", TON, "--from", 1, "--restart")
    terminal.types("devnet", "send", TON, 5)
    scan(terminal, trouble="YTMARKET_TON_RPC needs other nodes")
    assert row_of(terminal)["trouble"] == "stopped: YTMARKET_TON_RPC needs other nodes"
    assert "YTMARKET_TON_RPC" in terminal.types("networks")
    said = terminal.types("networks", "rescan", TON, "--from", 1, "--restart")
    assert "Reading goes on from there." in said
    assert terminal.sql(CURSOR) == [("1",)]
    assert row_of(terminal)["trouble"] == "-"


def test_what_cannot_be_read_is_told(terminal: Terminal) -> None:
    terminal.types("networks", "rescan", "usdt_nowhere", "--from", 1, code=2)
    terminal.types("networks", "rescan", TON, "--from", 0, code=2)
    scan(terminal)
    terminal.sql("update network_progress set cursor = '99'")
    with pytest.raises(ChainGap):
        scan(terminal)


def typed(begin: str) -> list[str]:
    """The words of the one command of the page that begins so, on the network that is played here."""
    page = text(ROOT / "docs/operating.md")
    (found,) = [told for told in blocks(page, "sh") if told.startswith(begin)]
    return shlex.split(found.replace("usdt_polygon", TON).replace("71000000", "1"))[1:]


AGREED = """
    insert into reconciliation
    select network, wallet, read_until, read_until, 1, '0x1', read_until, 5
    from network_progress where network = 'usdt_ton'
"""


def test_a_difference_that_is_explained_is_accepted_once(terminal: Terminal) -> None:
    scan(terminal)
    with pytest.raises(SettingsError, match=f"books of {TON} have not agreed yet"):
        terminal.types("networks", "accept", TON, "--reason", "nothing to accept")
    terminal.sql(AGREED)
    said = terminal.types(*typed("ytmarket networks accept"))
    assert "is taken for the truth" in said
    assert terminal.sql("select height, balance from reconciliation") == [(None, None)]
    (act,) = [row for row in terminal.rows("audit") if row["action"] == "network.accepted"]
    assert act["target"] == f"network:{TON}"
    with pytest.raises(SettingsError, match="no difference to accept"):
        terminal.types("networks", "accept", TON, "--reason", "again")
