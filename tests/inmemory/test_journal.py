"""Whatever is written and taken back, rows are as they were, and indexes say what the rows say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ytmarket.adapters.inmemory.journal import Groups, Journal, Table

keys = st.integers(0, 5)
rows = st.integers(0, 20)


class Undoing(RuleBasedStateMachine):
    """Against a model that copies all its rows instead of writing a journal."""

    @initialize()
    def begin(self) -> None:
        self.journal = Journal()
        self.table: Table[int, int] = Table(self.journal)
        self.thirds: Groups[int, int, int] = Groups(self.table, lambda row: row % 3 or None)
        self.now: dict[int, int] = {}
        self.committed: dict[int, int] = {}

    @rule(key=keys, row=rows)
    def put(self, key: int, row: int) -> None:
        self.table.put(key, row)
        self.now[key] = row

    @rule(key=keys)
    def drop(self, key: int) -> None:
        if key in self.now:
            self.table.drop(key)
            del self.now[key]

    @rule()
    def commit(self) -> None:
        self.journal.keep()
        self.committed = dict(self.now)

    @rule()
    def roll_back(self) -> None:
        self.journal.roll_back()
        self.now = dict(self.committed)

    @rule(writes=st.lists(st.tuples(keys, rows), max_size=4))
    def be_refused_half_way(self, writes: list[tuple[int, int]]) -> None:
        with pytest.raises(KeyError), self.journal.all_or_none():
            for key, row in writes:
                self.table.put(key, row)
            self.table.drop(-1)

    @rule()
    def look_at_what_was_committed(self) -> None:
        with self.journal.hidden():
            assert dict(self.table.items()) == self.committed
            self.check_groups(self.committed)

    @invariant()
    def rows_and_groups_are_those_of_the_model(self) -> None:
        if hasattr(self, "table"):
            assert dict(self.table.items()) == self.now
            self.check_groups(self.now)

    def check_groups(self, model: dict[int, int]) -> None:
        for third in (1, 2):
            assert set(self.thirds.of(third)) == {key for key, row in model.items() if row % 3 == third}
        assert set(self.thirds.groups()) == {row % 3 for row in model.values() if row % 3}


TestUndoing: Any = Undoing.TestCase
