"""Strategies, port contracts and a simulator, for us and for whoever writes an adapter.

    from ytmarket.testing import strategies

Importing this needs Hypothesis (`pip install "ytmarket[testing]"`) and no database. What needs more
is a module of its own: import `ytmarket.testing.contracts` or `ytmarket.testing.postgres` by name.
"""

from __future__ import annotations

from ytmarket.testing import strategies

__all__ = ["strategies"]
