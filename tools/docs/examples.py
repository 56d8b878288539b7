"""The programs of `examples`, as they are shown in the docs."""

from pathlib import Path
from typing import Final

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"


def shown(name: str) -> str:
    """The whole file as a block; the tests of the examples run it, so the docs need not."""
    code = (EXAMPLES / name).read_text(encoding="utf-8").rstrip()
    return f"<!-- skip: next -->\n\n```python\n{code}\n```"
