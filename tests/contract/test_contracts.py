"""The contracts themselves: none of their tests is lost when they are put together."""

from __future__ import annotations

import pkgutil
from collections import Counter
from importlib import import_module

from ytmarket.testing import contracts
from ytmarket.testing.contracts import StoreContract
from ytmarket.testing.contracts.base import Contract


def _tests_of(contract: type) -> list[str]:
    return [name for name in vars(contract) if name.startswith("test_")]


def test_no_part_of_the_store_contract_hides_anothers_test() -> None:
    names = Counter(name for part in StoreContract.__bases__ for name in _tests_of(part))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_contract_is_exported_has_tests_and_says_what_it_needs() -> None:
    found = {
        name: thing
        for module in pkgutil.iter_modules(contracts.__path__)
        for name, thing in vars(import_module(f"{contracts.__name__}.{module.name}")).items()
        if isinstance(thing, type) and issubclass(thing, Contract)
    }
    assert set(found) - set(contracts.__all__) == {"Contract", "StorePartContract"}
    for name in set(found) & set(contracts.__all__):
        assert any(_tests_of(base) for base in found[name].__mro__), name
        assert found[name].__doc__, name
