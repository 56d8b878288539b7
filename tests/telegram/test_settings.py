"""The bot's settings: what they may be, what is missing, and what is not loaded without them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.telegram.bot_api import TOKEN
from ytmarket.entrypoints.bot import run_bot
from ytmarket.entrypoints.secrecy import secrets_of
from ytmarket.entrypoints.settings import Settings, SettingsError
from ytmarket.entrypoints.telegram import chat_teller, check_bot, reading_bot
from ytmarket.entrypoints.tellers import teller_of

WITHOUT = """
import sys
import ytmarket.entrypoints.asgi, ytmarket.entrypoints.bot, ytmarket.entrypoints.cli
import ytmarket.entrypoints.serve
from ytmarket.entrypoints.settings import Settings
from ytmarket.entrypoints.telegram import reading_bot
from ytmarket.entrypoints.tellers import teller_of
assert reading_bot(Settings(), None) is None
assert teller_of(Settings()).chats is None
print(sorted({"aiogram", "pydantic"} & set(sys.modules)))
"""


def settings(**told: str) -> Settings:
    return Settings.from_environment({f"YTMARKET_TELEGRAM_{name}": text for name, text in told.items()})


def test_people_and_groups_are_listed_by_their_ids() -> None:
    found = settings(TOKEN=TOKEN, CHATS=" 42, -1001234567890 ,42,", API="http://127.0.0.1:8081/")
    assert found.telegram_chats == {42, -1001234567890}
    assert found.telegram_api == "http://127.0.0.1:8081"
    assert (settings().telegram_token, settings().telegram_chats) == (None, frozenset())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("CHATS", text) for text in ("ann", "@ann", "1.5", "0", "-", "1;2", "\u0663", "9" * 30)),
        *(("TOKEN", text) for text in ("x", "123456:short", f"bot{TOKEN}", f"{TOKEN} ", "1:" + "ü" * 35)),
        *(("API", text) for text in ("ftp://x", "https://u:p@x", "https://", "x.y")),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_its_name(name: str, text: str) -> None:
    if text.endswith(" "):
        assert settings(**{name: text}).telegram_token == TOKEN
        return
    with pytest.raises(SettingsError, match=f"YTMARKET_TELEGRAM_{name}: ") as refused:
        settings(**{name: text})
    assert TOKEN not in str(refused.value)


def test_the_token_is_a_secret() -> None:
    found = settings(TOKEN=TOKEN)
    assert TOKEN not in repr(found)
    assert TOKEN in secrets_of(found)


def test_without_a_token_the_library_is_not_even_loaded() -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr


def test_a_token_without_the_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiogram", None)
    found = settings(TOKEN=TOKEN, CHATS="42")
    for start in (
        lambda: check_bot(found),
        lambda: run_bot(found),
        lambda: teller_of(found),
        lambda: reading_bot(found, None),  # type: ignore[arg-type] # it never gets so far
    ):
        with pytest.raises(SettingsError, match=r"pip install 'ytmarket\[telegram\]'"):
            start()
    check_bot(settings())


def test_nobody_is_told_of_alarms_where_nobody_is_listed() -> None:
    assert chat_teller(settings(TOKEN=TOKEN)) is None


def test_a_bot_alone_needs_a_token() -> None:
    with pytest.raises(SettingsError, match="YTMARKET_TELEGRAM_TOKEN is not set"):
        run_bot(settings())
