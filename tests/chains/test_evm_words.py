"""What nodes say when they refuse, as providers word it, and what is to be done about it."""

import pytest

from tests.chains.optional import require

require("web3", "evm")

from hypothesis import given
from hypothesis import strategies as st

from ytmarket.adapters.chains.evm.span import Span
from ytmarket.adapters.chains.evm.wallet import wallet_of
from ytmarket.adapters.chains.evm.words import Meaning, meaning_of
from ytmarket.application.ports.chain_reader import ChainMisconfigured

TOO_MANY_CALLS = [
    (-32600, "batch too large"),
    (-32600, "Batch size too large"),
    (
        31,
        "Batch of more than 3 requests are not allowed on free tier, upgrade to paid tier",
    ),
    (-32005, "batch limit 100 exceeded (can increase by --rpc.batch.limit). Requested batch of size: 120"),
    (-32005, "Batch size limit exceeded."),
    (-32007, "batch requests are limited to 10"),
    (-32602, "too many requests in batch: 50"),
    (-32000, "maximum number of calls in one batch is 20"),
]
TOO_WIDE = [
    (-32005, "query returned more than 10000 results"),
    (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."),
    (-32005, "limit exceeded"),
    (-32000, "block range is too wide"),
    (-32000, "exceed maximum block range: 5000"),
    (-32701, "exceed maximum block range: 50000"),
    (-32602, "range 1000000 exceeds limit of 10000"),
    (-32602, "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range"),
    (-32602, "eth_getLogs is limited to 1024 block range. Please check the parameter requirements"),
    (
        -32600,
        "You can make eth_getLogs requests with up to a 500 block range. This block range should work: [..]",
    ),
    (-32600, "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range."),
    (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
    (-32000, "query timeout exceeded"),
    (-32000, "logs matched by query exceeds limit of 10000"),
    (-32000, "query exceeds max results 20000, retry with the range 1-2"),
    (-32000, "query block range exceeds server limit, narrow your filter: 1000"),
    (-32000, "query returns too many logs, narrow your filter: 20000"),
    (35, "ranges over 10000 blocks are not supported on freetier"),
    (30, "Request timeout on the free tier, please upgrade your tier to the paid one"),
    (-32000, "block range is bigger than maxBlockRange"),
    (-32000, "Block range limit exceeded. See more details in our docs."),
    (-32000, "requested too many blocks from 1 to 9000, maximum is set to 2048"),
    (-32008, "response is too big"),
]
TOO_OFTEN = [
    (429, "Your app has exceeded its compute units per second capacity."),
    (429, "Monthly capacity limit exceeded."),
    (-32005, "daily request count exceeded, request rate limited"),
    (-32005, "project ID request rate exceeded"),
    (-32007, "50/second request limit reached - reduce calls per second or upgrade your account"),
    (-32003, "daily request limit reached - upgrade your account"),
    (-32029, "Too many requests, reason: call rate limit exhausted, retry in 10s"),
    (15, "Too many request, try again later"),
    (-32000, "rate limit exceeded"),
    (-32097, "API key quota exceeded"),
    (-32001, "out of credits"),
    (-32005, "batch of requests exceeds the rate limit"),
    (-32005, "rate limit exceeded by a batch"),
]
GONE = [
    (4444, "pruned history unavailable"),
    (-32000, "missing trie node 1a2b (path ) state 0x3c is not available"),
    (-32000, "this request needs an archive node"),
    (-32000, "history before block 100 is unavailable"),
]
BEHIND = [
    (-32000, "header not found"),
    (-32001, "block 0x10 not found"),
    (-39001, "Unknown block"),
    (-32602, "block range extends beyond current head block"),
    (-32602, "BlockOutOfRangeError: block height is 0 but requested was 80"),
]
TROUBLE = [
    (-32603, "Internal error"),
    (-32601, "the method eth_getLogs does not exist"),
    (3, "execution reverted"),
]


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        *((*refusal, Meaning.TOO_WIDE) for refusal in TOO_WIDE),
        *((*refusal, Meaning.TOO_MANY_CALLS) for refusal in TOO_MANY_CALLS),
        *((*refusal, Meaning.TOO_OFTEN) for refusal in TOO_OFTEN),
        *((*refusal, Meaning.GONE) for refusal in GONE),
        *((*refusal, Meaning.BEHIND) for refusal in BEHIND),
        *((*refusal, Meaning.TROUBLE) for refusal in TROUBLE),
    ],
)
def test_a_refusal_to_give_logs_is_understood(code: int, message: str, meaning: Meaning) -> None:
    assert meaning_of(code, message, of_logs=True) is meaning
    assert meaning_of(code, message.upper(), of_logs=True) is meaning


@pytest.mark.parametrize(("code", "message"), TOO_WIDE)
def test_nothing_but_logs_can_be_too_wide(code: int, message: str) -> None:
    meaning = meaning_of(code, message, of_logs=False)
    assert meaning is (Meaning.TOO_OFTEN if code == -32005 else Meaning.TROUBLE)


@given(largest=st.integers(1, 10_000), limit=st.integers(1, 10_000), asked=st.integers(1, 60))
def test_a_span_comes_down_to_what_a_node_takes_and_stays_near_it(
    largest: int, limit: int, asked: int
) -> None:
    span, refused, answered = Span(largest), 0, 0
    for _ in range(30 + asked):
        if span.size > limit:
            refused += 1
            assert span.was_too_wide(span.size)
        else:
            answered += 1
            assert 1 <= span.size <= largest
            span.was_answered(span.size)
    assert span.size <= 2 * limit
    assert refused <= 14 + 5  # as many as halvings from 10,000 to 1, and ever fewer attempts to grow


def test_a_span_grows_back_and_hesitates_after_refusals() -> None:
    span = Span(2_000)
    assert span.was_too_wide(2_000)
    assert span.size == 1_000
    sizes = []
    for _ in range(4):
        span.was_answered(span.size)
        sizes.append(span.size)
    assert sizes == [1_000, 2_000, 2_000, 2_000]


def test_a_short_request_at_the_chains_end_widens_nothing() -> None:
    span = Span(2_000)
    span.was_too_wide(2_000)
    for _ in range(100):
        span.was_answered(11)
    assert span.size == 1_000


def test_one_block_cannot_be_too_wide() -> None:
    assert not Span(2_000).was_too_wide(1)


CHECKSUMMED = "0xdAC17F958D2ee523a2206206994597C13D831ec7"


@pytest.mark.parametrize("text", [CHECKSUMMED, CHECKSUMMED.lower(), "0x" + CHECKSUMMED[2:].upper()])
def test_an_address_is_shown_with_its_checksum(text: str) -> None:
    assert wallet_of(text) == CHECKSUMMED


@pytest.mark.parametrize(
    "text",
    [
        CHECKSUMMED.replace("dAC", "DAC"),
        CHECKSUMMED[:-1],
        CHECKSUMMED + "0",
        CHECKSUMMED[2:],
        "0x" + 40 * "0",
        "0x" + 39 * "0" + "g",
        "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "",
    ],
)
def test_what_is_no_address_is_refused_by_the_name_of_the_setting(text: str) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_EVM_WALLET"):
        wallet_of(text)
