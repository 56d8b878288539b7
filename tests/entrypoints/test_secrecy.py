"""No secret of the settings is in a line that the server writes, in whichever words it is told."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import timedelta

import attrs
import pytest
import structlog

from tests.system.test_logging import _as_it_was as restored
from ytmarket.adapters.inmemory import SeededTokens
from ytmarket.adapters.system.logging import configure_logging
from ytmarket.entrypoints.loops import Loop
from ytmarket.entrypoints.secrecy import secrets_of
from ytmarket.entrypoints.settings import Settings, SettingsError

NODE_KEY = "0123456789abcdef0123456789abcdef"
TRONGRID_KEY = "0f1e2d3c-aaaa-bbbb-cccc-1234567890ab"
GIVEN = {
    "YTMARKET_DATABASE_URL": "postgresql://shop:p%40ss-word-1@db.example:5432/shop?sslmode=require",
    "YTMARKET_REDIS_URL": "redis://:redis-word-2@cache.example/0",
    "YTMARKET_ADMIN_TOKEN": "ann:admin-token-0123456789,bob:other-token-0123456789",
    "YTMARKET_METRICS_TOKEN": "metrics-token-0123456789",
    "YTMARKET_MASTER_KEY": f"{'A' * 43}=,{'B' * 42}A=",
    "YTMARKET_TRON_RPC": (
        f"https://tron.example/v3/{NODE_KEY},https://other.example/?apikey={NODE_KEY[::-1]},"
        f"https://{TRONGRID_KEY}@api.trongrid.io,https://K3y%2Bvery-secret%3D@node.example"
    ),
}
SECRETS = [
    "p%40ss-word-1",
    "p@ss-word-1",
    "redis-word-2",
    "admin-token-0123456789",
    "other-token-0123456789",
    "metrics-token-0123456789",
    "A" * 43 + "=",
    "B" * 42 + "A=",
    NODE_KEY,
    NODE_KEY[::-1],
    TRONGRID_KEY,
    "K3y%2Bvery-secret%3D",
    "K3y+very-secret=",
]

__all__ = ["restored"]  # a fixture that every test here uses


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_every_part_of_a_secret_setting_is_known() -> None:
    known = secrets_of(Settings.from_environment(GIVEN))
    assert [secret for secret in SECRETS if secret not in known] == []
    assert not {"shop", "v3", "require", "https", ""} & set(known)


def test_every_setting_that_is_secret_is_looked_at() -> None:
    fields = {field.name for field in attrs.fields(Settings) if field.repr is False}
    assert {"database_url", "redis_url", "admin_tokens", "metrics_token", "master_key", "tron_rpc"} <= fields
    names = {name.removeprefix("YTMARKET_").lower() for name in GIVEN} - {"admin_token"}
    assert names <= fields


@pytest.mark.parametrize("secret", SECRETS)
def test_none_of_them_reaches_a_line(secret: str, stream: io.StringIO) -> None:
    known = secrets_of(Settings.from_environment(GIVEN))
    configure_logging(as_json=True, secrets=known, stream=stream)
    log = structlog.get_logger()
    log.warning("could not connect", reason=f"GET /v3/{secret} answered 500")
    log.error("failed", exc_info=ValueError(f"password {secret!r}"))
    assert secret not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize("token", ["short", "ключ-от-метрик-0123456789"])
def test_a_token_that_could_be_guessed_is_refused(token: str) -> None:
    with pytest.raises(SettingsError, match=r"YTMARKET_METRICS_TOKEN: .*16 ASCII"):
        Settings.from_environment({"YTMARKET_METRICS_TOKEN": token})


def test_the_level_is_one_that_there_is() -> None:
    assert Settings.from_environment({"YTMARKET_LOG_LEVEL": "Warning"}).log_level == "WARNING"
    with pytest.raises(SettingsError, match="YTMARKET_LOG_LEVEL: one of debug, info, warning, error"):
        Settings.from_environment({"YTMARKET_LOG_LEVEL": "loud"})


async def test_all_that_a_loop_logs_carries_its_name(stream: io.StringIO) -> None:
    configure_logging(as_json=True, stream=stream)
    log = structlog.get_logger("ytmarket.deep.inside")
    together = asyncio.Barrier(3)

    async def step() -> bool:
        log.info("at work")
        await asyncio.create_task(started_by_a_step())
        await together.wait()
        return False

    async def started_by_a_step() -> None:
        log.info("on its behalf")

    loops = [
        Loop(name=name, step=step, pause=timedelta(hours=1), tokens=SeededTokens(1))
        for name in ("expiry", "refunds")
    ]
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    async with asyncio.timeout(30):
        await together.wait()
    log.info("beside them")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    found = sorted((line["event"], line.get("loop", "-")) for line in told)
    assert found == [
        ("at work", "expiry"),
        ("at work", "refunds"),
        ("beside them", "-"),
        ("on its behalf", "expiry"),
        ("on its behalf", "refunds"),
    ]
