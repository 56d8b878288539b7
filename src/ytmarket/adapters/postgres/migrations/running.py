"""Runs a step's SQL as it stands in its file."""

from __future__ import annotations

from importlib.resources import files

from alembic import op


def run(name: str) -> None:
    """Execute the file of this name, many statements and all."""
    sql = files("ytmarket.adapters.postgres.migrations").joinpath("versions", name).read_text("utf-8")
    # Without parameters nothing in the text is taken for a placeholder.
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(sql)
