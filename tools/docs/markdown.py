"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """A table; the columns *right* are aligned to the right."""
    rule = ["--:" if column in right else ":--" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(_cell(text) for text in row)} |" for row in [header, rule, *rows])


def code(text: str) -> str:
    """The text as code, or a dash where there is none."""
    return f"`{text}`" if text else "-"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
