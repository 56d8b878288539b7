"""How TRON's nodes and the shop's wallet are named: keys, addresses, and what refusals mean."""

import pytest

from tests.chains.optional import require

require("tronpy", "tron")

from ytmarket.adapters.chains.tron.access import Access
from ytmarket.adapters.chains.tron.chain import MAINNET
from ytmarket.adapters.chains.tron.reader import TronReader
from ytmarket.adapters.chains.tron.wallet import Address, wallet_of
from ytmarket.adapters.chains.tron.words import Meaning, meaning_of, seconds_suspended
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application.endpoints import Endpoint
from ytmarket.application.ports.chain_reader import ChainMisconfigured

WALLET = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"
KEY = "11111111-2222-3333-4444-555555555555"


def access(url: str) -> Access:
    return Access.of(Endpoint(url, "YTMARKET_TRON_RPC", 1))


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090/wallet/x"),
        ("https://node.example/", "https://node.example/wallet/x"),
        ("https://node.example/k3y-of-ours", "https://node.example/k3y-of-ours/wallet/x"),
        ("https://node.example/k3y-of-ours/", "https://node.example/k3y-of-ours/wallet/x"),
        ("https://node.example/tron?key=abc", "https://node.example/tron/wallet/x?key=abc"),
        (f"https://{KEY}@api.trongrid.io", "https://api.trongrid.io/wallet/x"),
        ("https://[::1]:8090/", "https://[::1]:8090/wallet/x"),
    ],
)
def test_nothing_of_a_url_is_lost(url: str, asked: str) -> None:
    assert access(url).url("wallet/x") == asked


def test_a_key_before_the_host_is_sent_as_trongrid_wants_it() -> None:
    assert access(f"https://{KEY}@api.trongrid.io").headers == {"TRON-PRO-API-KEY": KEY}
    assert access("https://a%2Fb@node.example").headers == {"TRON-PRO-API-KEY": "a/b"}
    assert access("https://node.example").headers == {}


def test_a_user_and_a_password_are_not_taken_for_a_key() -> None:
    ours = access("https://shop:s%40fe@node.example")
    assert (ours.basic, ours.headers) == (("shop", "s@fe"), {})
    assert access("https://node.example").basic is None


def test_what_is_shown_of_an_access_holds_no_key() -> None:
    assert KEY not in repr(access(f"https://{KEY}@api.trongrid.io/{KEY}?{KEY}"))


@pytest.mark.parametrize(
    "url", ["https://api.trongrid.io", "https://API.TronGrid.io/jsonrpc?key=abc", "https://trongrid.io"]
)
def test_trongrid_without_a_key_of_ours_is_refused(url: str) -> None:
    with pytest.raises(ChainMisconfigured, match=r"YTMARKET_TRON_RPC.*needs a key of your own"):
        TronReader.connect(MAINNET, WALLET, ["http://127.0.0.1:8090", url], SystemClock())


@pytest.mark.parametrize(
    "url", ["/var/run/tron", "https://", "http://[", "http://node:99999", "liteserver:x"]
)
def test_what_is_no_url_is_refused_by_the_name_of_its_setting(url: str) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_TRON_RPC"):
        TronReader.connect(MAINNET, WALLET, [url], SystemClock())


def test_without_any_node_there_is_no_reader() -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_TRON_RPC names no node"):
        TronReader.connect(MAINNET, WALLET, [], SystemClock())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "T",
        "TJRabPrwbZy45sbavfcjinPJC18kjpRTv9",  # one letter off
        "tjrabprwbzy45sbavfcjinpjc18kjprtv8",
        f" {WALLET}",
        f"{WALLET}\n",
        "415cbdd86a2fa8dc4bddd8a8f69dba48572eec07fb",
        "0x5cbdd86a2fa8dc4bddd8a8f69dba48572eec07fb",
        "0xdAC17F958D2ee523a2206206994597C13D831ec7",
        "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb",  # nobody's
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    ],
)
def test_a_wallet_that_nobody_can_pay_to_is_refused_by_the_name_of_its_setting(text: str) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_TRON_WALLET"):
        wallet_of(text)


def test_an_address_is_known_in_both_of_its_forms() -> None:
    token = Address.of_text(MAINNET.token)
    assert token.body == "a614f803b6fd780986a42c78ec9c7f77e6ded13c"
    assert Address.of_body(token.body) == token
    assert Address.of_topic(f"{'0' * 24}{token.body}") == token
    assert Address.of_topic(f"{'0' * 22}41{token.body}") == token
    assert token.full == f"41{token.body}"


@pytest.mark.parametrize(
    ("message", "meaning", "seconds"),
    [
        (
            "class java.lang.IllegalAccessException : lack of computing resources",
            Meaning.TOO_OFTEN,
            None,
        ),
        (
            "The key exceeds the frequency limit(15), and the query server is suspended for 30s",
            Meaning.TOO_OFTEN,
            30,
        ),
        (
            "request rate exceeded the allowed_rps(3), and the query server is suspended for 5 s",
            Meaning.TOO_OFTEN,
            5,
        ),
        ("Exceed the user daily usage (100000)", Meaning.TOO_OFTEN, None),
        ("this API is closed because this node is a lite fullnode", Meaning.GONE, None),
        ("class java.lang.NullPointerException : null", Meaning.TROUBLE, None),
        ("ApiKey not exists", Meaning.TROUBLE, None),
    ],
)
def test_words_decide_what_a_refusal_means(message: str, meaning: Meaning, seconds: int | None) -> None:
    assert (meaning_of(message), seconds_suspended(message)) == (meaning, seconds)
