"""Runs the Python blocks of the README and the docs as tests, so that they cannot go stale.

The blocks of one file share a namespace, top to bottom. `<!-- skip: next -->` before a block leaves it out.
"""

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
).pytest()
