"""Runs SQL as it stands in its file."""

from __future__ import annotations

from importlib.resources import files

from alembic import op
from sqlalchemy import Connection


def run(name: str) -> None:
    """Take a step: execute the file of this name."""
    step = files("ytmarket.adapters.postgres.migrations").joinpath("versions", name)
    execute_script(op.get_bind(), step.read_text("utf-8"))


def execute_script(connection: Connection, sql: str) -> None:
    """Execute a text of many statements."""
    # Without parameters nothing in the text is taken for a placeholder.
    connection.execution_options(no_parameters=True).exec_driver_sql(sql)
