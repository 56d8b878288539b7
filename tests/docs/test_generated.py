"""What the docs take from the code is what the code says now."""

import re
from pathlib import Path

import pytest
from tools.docs import errors, ledger
from tools.docs.pages import PARTS, names, renewed

from tests.docs.reading import PAGES, ROOT, name, text
from ytmarket.adapters.http.docs import facts
from ytmarket.domain.chart import TransferKind

TABLES = "src/ytmarket/adapters/http/docs/templates/tables.html"
STALE = "run .venv/bin/python -m tools.docs"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_is_current(page: Path) -> None:
    assert text(page) == renewed(text(page)), STALE


def test_each_part_stands_on_one_page() -> None:
    found = [part for page in PAGES for part in names(text(page))]
    assert sorted(found) == sorted(PARTS)


def test_a_stale_part_is_renewed() -> None:
    page = "before\n<!-- generated: settings -->\nstale words\n<!-- end of settings -->\nafter\n"
    fresh = renewed(page)
    assert "stale words" not in fresh
    assert "YTMARKET_DATABASE_URL" in fresh
    assert fresh.startswith("before\n<!-- generated: settings -->\n")
    assert fresh.endswith("\n<!-- end of settings -->\nafter\n")
    assert renewed(fresh) == fresh


def test_a_part_that_nobody_makes_is_noticed() -> None:
    with pytest.raises(KeyError):
        renewed("<!-- generated: nothing -->\n<!-- end of nothing -->")


def test_the_ledger_page_has_every_kind_of_transfer() -> None:
    told = ledger.accounts()
    assert [kind for kind in TransferKind if f"`{kind}`" not in told] == []
    assert len(ledger.makers()) >= 9


def test_no_two_refusals_share_a_code() -> None:
    codes = [kind.code for kind in errors.refusal_classes()]
    assert sorted(set(codes)) == sorted(codes)
    assert len(codes) > 30


def test_the_page_of_errors_has_every_code_that_clients_read_about() -> None:
    told = errors.table()
    assert [row.code for row in facts.error_rows() if f"| {row.status} | `{row.code}` |" not in told] == []


@pytest.mark.parametrize("page", [ROOT / "docs/errors.md", ROOT / TABLES])
def test_both_exceptions_are_named_where_a_refusal_changes_nothing(page: Path) -> None:
    (said,) = re.findall(r"nothing[^.]*two exceptions:[^.]*\.", page.read_text(encoding="utf-8"))
    assert "signature" in said and "outcome_unknown" in said
