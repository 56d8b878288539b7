"""A shop for the command line: a database of its own, and a folder for the master key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from typer.testing import CliRunner

from ytmarket.entrypoints import cli
from ytmarket.testing.postgres import TemporaryPostgres


@attrs.frozen(kw_only=True)
class Terminal:
    """Somebody who types commands."""

    folder: Path
    dsn: str
    environment: Mapping[str, str]

    def types(self, *words: object, code: int = 0) -> str:
        """What a command says when it ends with this code. With 0 it raises what it was refused with."""
        if code != 0:
            return self._is_refused(words, code)
        result = CliRunner().invoke(cli.app, [str(word) for word in words], env=dict(self.environment))
        if result.exception is not None:
            raise result.exception
        return result.output

    def _is_refused(self, words: Iterable[object], code: int) -> str:
        """The whole program, as it is installed: whatever it is refused with, in its own words."""
        with pytest.MonkeyPatch.context() as patch, CliRunner().isolation(env=dict(self.environment)) as told:
            patch.setattr(sys, "argv", ["ytmarket", *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            sys.stdout.flush()
            said = told[2].getvalue().decode()
        assert ended.value.code == code, said
        return said

    def rows(self, *words: object) -> Any:
        """What a list says with --json."""
        return json.loads(self.types(*words, "--json"))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def durable_server() -> Iterator[TemporaryPostgres]:
    """The command line refuses a server that gives durability up for speed."""
    with TemporaryPostgres() as server:
        yield server


@pytest.fixture
def terminal(durable_server: TemporaryPostgres, tmp_path: Path) -> Iterator[Terminal]:
    dsn = durable_server.new_database()
    environment = {
        "YTMARKET_DATABASE_URL": dsn,
        "YTMARKET_DATA_DIR": str(tmp_path / "data"),
        "COLUMNS": "300",
    }
    yield Terminal(folder=tmp_path, dsn=dsn, environment=environment)
    durable_server.drop_database(dsn)
