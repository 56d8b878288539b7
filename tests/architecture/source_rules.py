"""Finds in a syntax tree what the domain may not contain: floats, division, clocks and foreign imports."""

import ast
from collections.abc import Iterator
from typing import Final

# The part of the standard library that computes, and touches nothing outside.
NUMBERS_AND_TIME: Final = {"datetime", "decimal", "fractions", "math", "operator"}
TEXT_AND_BYTES: Final = {"base64", "binascii", "hashlib", "hmac", "re", "string", "struct", "unicodedata"}
SHAPES: Final = {"__future__", "abc", "collections", "copy", "enum", "functools", "types", "typing"}
ALGORITHMS: Final = {"bisect", "heapq", "ipaddress", "itertools", "urllib.parse"}
PURE: Final = NUMBERS_AND_TIME | TEXT_AND_BYTES | SHAPES | ALGORITHMS
ALLOWED: Final = PURE | {"attr", "attrs", "ytmarket.domain"}

READS_A_CLOCK: Final = frozenset({"now", "utcnow", "today"})
ANSWERS_IN_FLOAT: Final = frozenset({"total_seconds", "timestamp", "truediv", "fsum"})


def violations(source: str) -> Iterator[str]:
    """Each breach as `line: what`, in the order of the file's syntax tree."""
    for node in ast.walk(ast.parse(source)):
        for breach in _breaches(node):
            yield f"{getattr(node, 'lineno', 0)}: {breach}"


def _breaches(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=float() | complex()):
            yield f"the literal {node.value!r}"
        case ast.Name(id="float" | "complex"):
            yield node.id
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            yield "division with /"
        case ast.Call(func=ast.Attribute(attr=name)) if name in READS_A_CLOCK:
            yield f".{name} reads a clock"
        case ast.Call(func=ast.Attribute(attr=name)) if name in ANSWERS_IN_FLOAT:
            yield f".{name} answers in floating point"
        case ast.ImportFrom(level=level) if level:
            yield "a relative import"
        case ast.ImportFrom(module=str(module)) if not _allowed(module):
            yield f"import of {module}"
        case ast.Import(names=names):
            yield from (f"import of {name.name}" for name in names if not _allowed(name.name))
        case _:
            pass


def _allowed(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in ALLOWED)
