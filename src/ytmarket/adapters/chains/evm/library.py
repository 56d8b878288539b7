"""What is used of web3. It is imported here alone, because importing it changes the whole process.

A library below it (py_ecc) raises Python's limit of recursion to 100,000. On Python 3.11 deeply nested JSON
then overruns the stack and ends the process, where it should be a `RecursionError`. So the limit is put back.
"""

from __future__ import annotations

import sys

_limit = sys.getrecursionlimit()
try:
    from web3 import Web3
finally:
    sys.setrecursionlimit(_limit)

__all__ = ["Web3"]
