"""What stands in deploy/ works, as far as a machine without systemd and containers can tell."""

import base64
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs.reading import ROOT, text
from tests.docs.test_references import unknown_commands, unknown_variables
from ytmarket.adapters.http.exchange import ANSWER_SECONDS
from ytmarket.adapters.http.routes.admin.products import STOCK_BYTES_MAX, STOCK_SECONDS
from ytmarket.domain.limits import BODY_BYTES_MAX
from ytmarket.entrypoints.settings import Settings, table

DEPLOY: Final = ROOT / "deploy"
FILES: Final = sorted(DEPLOY.iterdir())
BIN: Final = Path(sys.executable).parent
SETTING: Final = re.compile(r"^([A-Z_]+)=(.*)$", re.MULTILINE)


def environment_file() -> dict[str, str]:
    return dict(SETTING.findall(text(DEPLOY / "ytmarket.env")))


def filled_in() -> dict[str, str]:
    """The settings as somebody has filled them in."""
    told = environment_file()
    told["YTMARKET_ADMIN_TOKEN"] = told["YTMARKET_ADMIN_TOKEN"].replace("PUT-", "0123456789abcdef-")
    told["YTMARKET_MASTER_KEY"] = base64.b64encode(bytes(32)).decode()
    told["YTMARKET_EVM_WALLET"] = "0x" + "11" * 20
    told["YTMARKET_BSC_RPC"] = "http://127.0.0.1:9,http://127.0.0.1:10"
    return told


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_settings_and_commands_that_are_named_exist(file: Path) -> None:
    told = text(file)
    assert list(unknown_variables(told)) == []
    mentioned = [f"`{' '.join(command)}`" for command in commands(told)]
    assert list(unknown_commands(" ".join(re.findall(r"`ytmarket [^`]+`", told) + mentioned))) == []


def commands(told: str) -> Iterator[list[str]]:
    """What is started, as the words of a command line."""
    for words in re.findall(r"^ExecStart=(.+)$", told, re.MULTILINE):
        program, *rest = shlex.split(words)
        yield [Path(program).name, *rest]
    for words in re.findall(r"^CMD (.+)$", told, re.MULTILINE):
        yield json.loads(words)


def test_the_commands_are_found_at_all() -> None:
    started = [list(commands(text(DEPLOY / name))) for name in ("ytmarket.service", "Containerfile")]
    assert [words[:2] for found in started for words in found] == [["ytmarket", "serve"]] * 2


def test_the_settings_are_taken_once_filled_in() -> None:
    settings = Settings.from_environment(filled_in())
    assert not settings.is_devnet
    assert list(settings.admin_tokens) == ["ann"]
    assert settings.redis_url is not None
    assert {str(known) for known in settings.trusted_proxies} == {"127.0.0.1/32", "::1/128"}


def test_every_wallet_and_node_has_its_line() -> None:
    wanted = {name for name, _, _ in table() if name.endswith(("_WALLET", "_RPC"))}
    assert wanted - environment_file().keys() == set()


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    parser.read(DEPLOY / "ytmarket.service")
    return parser


def test_the_service_keeps_its_data_where_it_may_write() -> None:
    service = unit()["Service"]
    name, _, data_dir = service["Environment"].partition("=")
    assert name == "YTMARKET_DATA_DIR"
    assert Path("/var/lib", service["StateDirectory"]) in Path(data_dir).parents
    assert service["EnvironmentFile"].endswith("/ytmarket.env")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    copy = tmp_path / "ytmarket.service"
    copy.write_text(text(DEPLOY / "ytmarket.service").replace("/opt/ytmarket/bin", str(BIN)))
    ran = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, [line for line in ran.stderr.splitlines() if "ytmarket" in line]) == (0, [])


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions and what follows each."""
    joined = re.sub(r"^#.*\n", "", text(DEPLOY / "Containerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def copied() -> Iterator[str]:
    """What of the project gets into the image that builds."""
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            yield from rest.split()[:-1]


def test_the_image_is_built_from_all_that_the_project_needs(tmp_path: Path) -> None:
    """The wheel can be built from what is copied, and from nothing else."""
    for source in copied():
        place = ROOT / source
        if place.is_dir():
            shutil.copytree(place, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, tmp_path / source)
    build = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    ran = subprocess.run(
        [sys.executable, "-c", build, tmp_path], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert [file.name for file in tmp_path.glob("*.whl")] == ran.stdout.split()


def test_the_image_has_every_way_to_be_run() -> None:
    extras = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    told = " ".join(rest for word, rest in instructions() if word == "RUN")
    (wanted,) = re.findall(r'"\.\[([a-z,]+)\]"', told)
    assert set(wanted.split(",")) <= extras.keys()
    assert {"server", "chains"} <= set(wanted.split(","))
    apt = r"^RUN apt-get .* --no-install-recommends (.+)$"
    (built_with,) = re.findall(apt, text(DEPLOY / "Containerfile"), re.MULTILINE)
    assert [name for name in built_with.split() if f"`{name}`" not in text(ROOT / "README.md")] == []
    assert [word for word, _ in instructions()].index("USER") < [word for word, _ in instructions()].index(
        "CMD"
    )
    stages = [rest.partition(" ")[0] for word, rest in instructions() if word == "FROM"]
    supported = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["classifiers"]
    for stage in stages:
        version = stage.partition(":")[2].removesuffix("-slim")
        assert f"Programming Language :: Python :: {version}" in supported


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's part within a whole configuration."""
    whole = tmp_path_factory.mktemp("nginx") / "nginx.conf"
    whole.write_text(f"events {{}}\nhttp {{\n    include {DEPLOY / 'nginx.conf'};\n}}\n")
    return whole


def directives(block: Any, name: str) -> Iterator[Any]:
    for directive in block:
        if directive["directive"] == name:
            yield directive
        yield from directives(directive.get("block", []), name)


def only(block: Any, name: str) -> str:
    (found,) = [directive for directive in block if directive["directive"] == name]
    (value,) = found["args"]
    return str(value)


def test_nginx_would_take_its_configuration(nginx: Path) -> None:
    parsed = parse(nginx)
    assert parsed["errors"] == []
    http = parsed["config"][0]["parsed"]
    (upstream,) = directives(http, "upstream")
    port = unit()["Service"]["ExecStart"].split()[-1]
    assert only(upstream["block"], "server") == f"127.0.0.1:{port}"
    assert {target["args"][0] for target in directives(http, "proxy_pass")} == {
        f"http://{upstream['args'][0]}"
    }


def test_nginx_lets_through_what_the_shop_takes(nginx: Path) -> None:
    http = parse(nginx)["config"][0]["parsed"]
    (tls,) = [
        server["block"]
        for server in directives(http, "server")
        if server.get("block")
        and any(found["args"][-1] == "ssl" for found in directives(server["block"], "listen"))
    ]
    assert bytes_of(only(tls, "client_max_body_size")) == BODY_BYTES_MAX
    assert float(only(tls, "proxy_read_timeout").removesuffix("s")) > ANSWER_SECONDS
    headers = {found["args"][0]: found["args"][1] for found in directives(tls, "proxy_set_header")}
    assert headers["X-Forwarded-For"] == "$remote_addr"
    (admin,) = [place["block"] for place in directives(tls, "location") if place["args"] == ["/api/admin/"]]
    assert bytes_of(only(admin, "client_max_body_size")) == STOCK_BYTES_MAX
    assert float(only(admin, "proxy_read_timeout").removesuffix("s")) > STOCK_SECONDS
    assert [found["args"] for found in directives(admin, "deny")] == [["all"]]


def parse(nginx: Path) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", "crossplane", "parse", "--strict", "--combine", nginx],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def bytes_of(size: str) -> int:
    return int(size[:-1]) * {"k": 1024, "m": 1024**2}[size[-1]]


@pytest.mark.needs("nginx", "openssl")
def test_nginx_itself_takes_it(nginx: Path, tmp_path: Path) -> None:
    """With a certificate of our own."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = "-x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=shop.example"
    subprocess.run(
        ["openssl", "req", *subject.split(), "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    own = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", str(certificate), text(DEPLOY / "nginx.conf"))
    own = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", str(key), own)
    (tmp_path / "server.conf").write_text(own)
    whole = text(nginx).replace(str(DEPLOY / "nginx.conf"), str(tmp_path / "server.conf"))
    (tmp_path / "whole.conf").write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\n{whole}")
    ran = subprocess.run(
        ["nginx", "-t", "-c", tmp_path / "whole.conf"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert ran.returncode == 0, ran.stderr
