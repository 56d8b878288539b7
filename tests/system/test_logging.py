"""What a log line shows, and what none may show."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from ytmarket.adapters.system.logging import configure_logging, request_context
from ytmarket.adapters.system.redaction import REDACTED, is_secret
from ytmarket.adapters.system.tokens import SecretsTokens

KEY, SECRET = SecretsTokens().api_key(), SecretsTokens().secret()
CREDENTIAL = "hunter2-of-a-delivered-account"
ADMIN_TOKEN = 'an "admin" token, ключ'


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Logging belongs to the process, so other tests want it back."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    before = [(logger, logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate
    structlog.reset_defaults()


def start(*, as_json: bool = True, level: str = "DEBUG") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(as_json=as_json, level=level, secrets=[ADMIN_TOKEN, "x"], stream=stream)
    return stream


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_entry_says_what_happened_where_and_when() -> None:
    stream = start()
    structlog.get_logger("ytmarket.orders").info("order_placed", order_id=7)
    (entry,) = entries(stream)
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "event": "order_placed",
        "order_id": 7,
        "level": "info",
        "logger": "ytmarket.orders",
    }


def test_the_libraries_entries_join_the_stream() -> None:
    stream = start()
    logging.getLogger("uvicorn.error").warning("took %d ms", 12, extra={"path": "/x"})
    (entry,) = entries(stream)
    assert (entry["event"], entry["level"], entry["logger"]) == ("took 12 ms", "warning", "uvicorn.error")
    assert entry["path"] == "/x"


def test_entries_below_the_level_are_dropped() -> None:
    stream = start(level="WARNING")
    structlog.get_logger("shop").info("unimportant")
    logging.getLogger("library").info("unimportant")
    structlog.get_logger("shop").warning("important")
    assert [entry["event"] for entry in entries(stream)] == ["important"]


def test_entries_of_a_request_carry_its_id_and_others_do_not() -> None:
    stream = start()
    log = structlog.get_logger("shop")
    with request_context("req-1"):
        log.info("inside")
        logging.getLogger("library").info("inside too")
    log.info("outside")
    assert [entry.get("request_id") for entry in entries(stream)] == ["req-1", "req-1", None]


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "X-API-Key",
        "secret",
        "hmac_secret",
        "sealed_secret",
        "password",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "X-Signature",
        "X-Webhook-Signature",
        "admin_token",
        "token",
        "YTMARKET_MASTER_KEY",
        "database_url",
        "redis_url",
        "dsn",
        "items",
        "payload",
        "plain",
        "body",
        "credentials",
        b"x-api-key",
    ],
)
def test_a_value_under_a_secrets_name_is_hidden(name: str | bytes) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["order_id", "idempotency_key", "fp", "key_id", "event", "status", "host", "itemsize", "", None, 5],
)
def test_other_names_are_not(name: object) -> None:
    assert not is_secret(name)


def fail_with(local_variable: str) -> None:
    raise RuntimeError(f"with {KEY} and {len(local_variable)}")


@pytest.mark.parametrize("as_json", [True, False])
def test_no_way_of_logging_shows_a_secret(as_json: bool) -> None:  # noqa: FBT001 - a parameter
    stream = start(as_json=as_json)
    log = structlog.get_logger("shop")
    log.info(
        "named", api_key="short", items=[{"login": CREDENTIAL}], nested={"deep": [{"password": CREDENTIAL}]}
    )
    log.info("headers", headers=[(b"x-signature", CREDENTIAL.encode()), ("accept", "*/*")])
    log.info("headers", headers={"X-API-Key": CREDENTIAL, "accept": "*/*"})
    log.info("shapes", text=f"the key {KEY} and {SECRET}", more=[KEY, {"x": KEY}, (SECRET,)], **{KEY: 1})
    event = f"in the event {KEY}"
    log.info(event)
    log.info("positional %s", KEY)
    log.info("objects", error=ValueError(KEY), raw=KEY.encode())
    log.info("urls", url=f"postgresql://shop:{CREDENTIAL}@db/shop", conninfo=f"host=db password={CREDENTIAL}")
    log.info("bearer", line=f"Authorization: Bearer {CREDENTIAL}")
    log.info("literal", line=f"it is {ADMIN_TOKEN}.")
    logging.getLogger("library").info("args %s", SECRET, extra={"secret": CREDENTIAL, "other": KEY})
    try:
        fail_with(CREDENTIAL)
    except RuntimeError:
        log.exception("failed", secret=CREDENTIAL)
        logging.getLogger("library").exception("failed as well")
    text = stream.getvalue()
    for canary in (KEY, SECRET, CREDENTIAL, ADMIN_TOKEN, KEY[4:], SECRET[4:], json.dumps(ADMIN_TOKEN)[1:-1]):
        assert canary not in text
    assert text.count(REDACTED) >= 20
    assert "RuntimeError" in text  # the traceback is there, without what the variables held
    assert text.count("*/*") == 2


def test_a_short_secret_does_not_blot_out_ordinary_words() -> None:
    stream = start()
    structlog.get_logger("shop").info("x marks the box")
    assert entries(stream)[0]["event"] == "x marks the box"


def test_the_http_client_does_not_log_urls_with_what_they_carry() -> None:
    stream = start()
    for name in ("httpx2", "httpcore2.connection"):
        logging.getLogger(name).info("POST https://receiver.example/hook?code=open-sesame")
        logging.getLogger(name).warning("something is wrong")
    assert [entry["event"] for entry in entries(stream)] == ["something is wrong"] * 2


def test_a_person_gets_plain_lines_without_colours_for_a_file() -> None:
    stream = start(as_json=False)
    structlog.get_logger("shop").info("order_placed", order_id=7)
    (line,) = stream.getvalue().splitlines()
    assert "order_placed" in line
    assert "order_id=7" in line
    assert "\x1b" not in line
