"""Tables whose writes can be taken back, and indexes that follow their rows whatever happens."""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Hashable,
    ItemsView,
    Iterator,
    ValuesView,
)
from contextlib import contextmanager
from typing import Generic, TypeAlias, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
G = TypeVar("G", bound=Hashable)

Step: TypeAlias = Callable[[], None]


class Journal:
    """What the open unit of work has written: how to undo each step, and how to do it again."""

    def __init__(self) -> None:
        self._steps: list[tuple[Step, Step]] = []

    def do(self, step: Step, undo: Step) -> None:
        step()
        self._steps.append((step, undo))

    def keep(self) -> None:
        """What was done stays done."""
        self._steps.clear()

    def roll_back(self, to: int = 0) -> None:
        while len(self._steps) > to:
            _, undo = self._steps.pop()
            undo()

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Take back what the block has done if it raises: a refusal changes nothing."""
        mark = len(self._steps)
        try:
            yield
        except BaseException:
            self.roll_back(mark)
            raise

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Show the tables as they were before the open unit of work. The block must not await."""
        for _, undo in reversed(self._steps):
            undo()
        try:
            yield
        finally:
            for step, _ in self._steps:
                step()


class Table(Generic[K, V]):
    """Rows by key. Rows are immutable values; a changed one is put in the old one's place."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[K, V] = {}
        self._watchers: list[Callable[[K, V | None, V | None], None]] = []

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: K) -> V | None:
        return self._rows.get(key)

    def values(self) -> ValuesView[V]:
        """In the order in which they were first put."""
        return self._rows.values()

    def items(self) -> ItemsView[K, V]:
        return self._rows.items()

    def put(self, key: K, row: V) -> None:
        self._change(key, row)

    def drop(self, key: K) -> None:
        self._change(key, None)

    def watch(self, watcher: Callable[[K, V | None, V | None], None]) -> None:
        """Be told of every change, taken back ones too: the key, the old row and the new one."""
        self._watchers.append(watcher)

    def _change(self, key: K, row: V | None) -> None:
        before = self._rows.get(key)
        self._journal.do(lambda: self._write(key, before, row), lambda: self._write(key, row, before))

    def _write(self, key: K, before: V | None, after: V | None) -> None:
        if after is None:
            del self._rows[key]
        else:
            self._rows[key] = after
        for tell in self._watchers:
            tell(key, before, after)


class Groups(Generic[K, V, G]):
    """The keys of a table's rows by something they have in common; None: in no group."""

    def __init__(self, table: Table[K, V], group_of: Callable[[V], G | None]) -> None:
        self._group_of = group_of
        self._groups: dict[G, dict[K, None]] = {}
        table.watch(self._follow)

    def of(self, group: G) -> Collection[K]:
        return self._groups.get(group, {}).keys()

    def groups(self) -> Collection[G]:
        """Those that have a key."""
        return self._groups.keys()

    def _follow(self, key: K, before: V | None, after: V | None) -> None:
        old = None if before is None else self._group_of(before)
        new = None if after is None else self._group_of(after)
        if old == new:
            return
        if old is not None:
            keys = self._groups[old]
            del keys[key]
            if not keys:
                del self._groups[old]
        if new is not None:
            self._groups.setdefault(new, {})[key] = None
