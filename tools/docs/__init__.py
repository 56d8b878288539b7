"""Writes the parts of the docs that come from the code: `python -m tools.docs` renews them all."""
