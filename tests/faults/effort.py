"""How often the tests here do what they do: enough in a normal run, far more with the thorough profile."""

from __future__ import annotations

from hypothesis import settings


def times(normal: int, thorough: int) -> int:
    """`HYPOTHESIS_PROFILE=thorough` asks for the second."""
    return thorough if settings.get_current_profile_name() == "thorough" else normal
