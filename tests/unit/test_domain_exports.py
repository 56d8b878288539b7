"""What `ytmarket.domain` says it exports is there, is all there is, and is the domain's own."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

from ytmarket import domain

SUBMODULES = [info.name for info in pkgutil.iter_modules(domain.__path__)]
MODULES: list[ModuleType] = [importlib.import_module(f"ytmarket.domain.{name}") for name in SUBMODULES]


def public(module: ModuleType) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def test_the_list_is_sorted_and_names_nothing_twice() -> None:
    assert domain.__all__ == sorted(
        set(domain.__all__), key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )


def test_what_is_listed_is_there_and_what_is_there_is_listed() -> None:
    assert set(domain.__all__) == set(public(domain)) - {"annotations"}


def test_every_module_is_listed() -> None:
    assert set(SUBMODULES) <= set(domain.__all__)


@pytest.mark.parametrize("module", MODULES, ids=SUBMODULES)
def test_every_public_class_is_listed_and_is_the_same_one(module: ModuleType) -> None:
    for name, value in public(module).items():
        if inspect.isclass(value) and value.__module__.startswith(module.__name__):
            assert getattr(domain, name, None) is value, f"export {name} from ytmarket.domain"


@pytest.mark.parametrize("name", [name for name in domain.__all__ if name.islower()])
def test_no_foreign_function_or_module_is_exported(name: str) -> None:
    value = getattr(domain, name)
    home = value.__name__ if inspect.ismodule(value) else value.__module__
    assert home.startswith("ytmarket.domain.")


def test_any_module_can_be_imported_first() -> None:
    for name in SUBMODULES:
        code = f"import ytmarket.domain.{name}, ytmarket.domain as d; assert d.{name}"
        subprocess.run([sys.executable, "-c", code], check=True)
