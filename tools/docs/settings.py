"""The table of settings."""

from tools.docs.markdown import code
from tools.docs.markdown import table as markdown_table

from ytmarket.entrypoints import settings


def table() -> str:
    """Every environment variable with its default and meaning."""
    rows = [(code(name), code(default), meaning) for name, default, meaning in settings.table()]
    return markdown_table(["Variable", "Default", "Meaning"], rows)
