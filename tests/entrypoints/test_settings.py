"""What the settings may be: whatever they cannot be is refused by its name, and never shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ytmarket.entrypoints.settings import Settings, SettingsError

NO_DATABASE = (
    "nonsense",
    "mysql://u:s3cr3t@h/x",
    "postgresql+psycopg://u:s3cr3t@h/x",
    "postgresql://u:s3cr3t%zz@h/x",
    "postgresql://u:s3cr3t\udce9@h/x",
)
NO_REDIS = (
    "s3cr3t",
    "h:6379",
    "http://h",
    "redis://:s3cr3t@h:port/0",
    "redis://:s3cr3t@h/0?nosuch=1",
    "redis://:s3cr3t@h/0?protocol=9",
    "redis://:s3cr3t@h/0?retry=3",
    "redis://:s3cr3t@h/0?encoding=x",
    "rediss://:s3cr3t@h/0?ssl_cert_reqs=CERT_NONE",
    "redis://[::1/0",
)
NO_COUNT = ("0", "-1", "1.5", "1e3", "x", "9" * 10, "9" * 5_000, "\u0663")
NO_SECONDS = (
    "0",
    "-1",
    "x",
    "nan",
    "Infinity",
    "0.0000001",
    "99999999999999",
    "1e30",
    "1e999999",
    "9" * 5_000,
)
NO_NUMBER = ("0", "-1", "x", "nan", "1e-30", "1e30", "1e999999")


def settings(name: str, text: str) -> Settings:
    return Settings.from_environment({f"YTMARKET_{name}": text})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, text) for name in ("DATABASE_URL", "DATABASE_OWNER_URL") for text in NO_DATABASE),
        *(("REDIS_URL", text) for text in NO_REDIS),
        *((name, text) for name in ("RATE_LIMIT", "ARBITRUM_DEPTH") for text in NO_COUNT),
        *((name, text) for name in ("SCAN_SECONDS", "ORDER_DEADLINE_SECONDS") for text in NO_SECONDS),
        *(("RUB_PER_USDT", text) for text in NO_NUMBER),
        *(
            (name, text)
            for name in ("MIN_ORDER_RUB", "ARBITRUM_FINALIZED_ABOVE_USDT")
            for text in NO_NUMBER[1:]
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"^YTMARKET_{name}: ") as refused:
        settings(name, text)
    assert "s3cr3t" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_what_can_be_is_taken() -> None:
    for address in ("postgresql://u:p%40@h:5432/x?sslmode=require", "host=/run/x dbname=y", "postgres:///x"):
        assert settings("DATABASE_URL", address).database_url == address
    for address in ("redis://:p@h:6379/0", "rediss://h", "unix:///run/redis?db=1", "redis://[::1]/0"):
        assert settings("REDIS_URL", address).redis_url == address
    assert settings("RATE_LIMIT", "999999999").rate_limit == 999_999_999
    assert settings("SCAN_SECONDS", "0.001").scan_interval == timedelta(milliseconds=1)
    assert settings("ORDER_DEADLINE_SECONDS", "1e9").order_deadline == timedelta(seconds=10**9)
    assert settings("MIN_ORDER_RUB", "0").min_order_rub == 0
