"""Leaves out a module of tests where an optional library is missing, and fails it with STRICT=1."""

import importlib.util

import pytest

from tests.conftest import STRICT


def require(module: str, extra: str) -> None:
    """Call it before the imports that need the module."""
    if importlib.util.find_spec(module) is None and not STRICT:
        pytest.skip(f"needs {module}, which comes with ytmarket[{extra}]", allow_module_level=True)
