"""A signature stands for one key, one timestamp within five minutes, and every byte of one body."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ytmarket.domain import InvalidSignature, UsedSignature, signatures
from ytmarket.domain.ids import ApiKeyId
from ytmarket.domain.times import epoch_seconds
from ytmarket.testing.strategies import moments

KEY = ApiKeyId(7)
SECRETS = st.binary(min_size=1, max_size=64)
BODIES = st.binary(max_size=64)
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=70)  # lone surrogates too
HEADERS = (
    st.none()
    | ANYTHING
    | st.sampled_from(["٣" * 10, "1779497200 ", "+1779497200", "1e9", "-1", "9" * 400, "\ud800"])
)


def check(
    secret: bytes, timestamp: str | None, signature: str | None, body: bytes, now: datetime
) -> UsedSignature:
    return signatures.verify(KEY, secret, timestamp=timestamp, signature=signature, body=body, now=now)


def seconds_of(now: datetime) -> int:
    return int(now.replace(microsecond=0).timestamp())


@given(SECRETS, BODIES, moments(), st.integers(-300, 300), st.sampled_from([str.upper, str.lower]))
def test_a_signed_body_is_accepted_and_named_by_its_digest(
    secret: bytes, body: bytes, now: datetime, drift: int, spell: Callable[[str], str]
) -> None:
    timestamp = str(seconds_of(now) + drift)
    expected = hmac.new(secret, timestamp.encode() + b"\n" + body, hashlib.sha256)
    assert signatures.sign(secret, timestamp, body) == expected.hexdigest()
    assert check(secret, timestamp, spell(expected.hexdigest()), body, now) == UsedSignature(
        KEY, expected.digest()
    )


@given(SECRETS, moments(), st.sampled_from([-302, -301, -300, 300, 301, 302, 10**9]))
def test_the_clock_may_be_off_by_three_hundred_seconds_and_not_by_one_more(
    secret: bytes, now: datetime, drift: int
) -> None:
    timestamp = str(seconds_of(now) + drift)
    signature = signatures.sign(secret, timestamp, b"{}")
    if abs(drift) <= 300:
        check(secret, timestamp, signature, b"{}", now)
    else:
        with pytest.raises(InvalidSignature, check=lambda refusal: f"{abs(drift)} s away" in refusal.reason):
            check(secret, timestamp, signature, b"{}", now)


@given(SECRETS, st.binary(min_size=1, max_size=64), moments(), st.data())
def test_whatever_is_changed_the_signature_no_longer_holds(
    secret: bytes, body: bytes, now: datetime, data: st.DataObject
) -> None:
    timestamp = str(seconds_of(now))
    signature = signatures.sign(secret, timestamp, body)
    place = data.draw(st.integers(0, len(body) - 1))
    flipped = bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]])
    digit = data.draw(st.integers(0, 63))
    other = signature[:digit] + ("0" if signature[digit] != "0" else "1") + signature[digit + 1 :]
    for changed in [
        (secret + b"x", timestamp, signature, body),
        (secret, str(seconds_of(now) + 1), signature, body),
        (secret, "0" + timestamp, signature, body),
        (secret, timestamp, other, body),
        (secret, timestamp, signature, flipped),
        (secret, timestamp, signature, body + b"\n"),
        (secret, timestamp, signature, body[:-1]),
    ]:
        with pytest.raises(InvalidSignature):
            check(*changed, now)


@given(HEADERS, HEADERS, moments())
@example("1768478400", "é" * 64, datetime.fromisoformat("2026-01-15T12:00:00+00:00"))
@example("1768478400", "٣" * 64, datetime.fromisoformat("2026-01-15T12:00:00+00:00"))
@example("1768478400", "a" * 64 + "\n", datetime.fromisoformat("2026-01-15T12:00:00+00:00"))
@example("1768478400", "\udcff" * 64, datetime.fromisoformat("2026-01-15T12:00:00+00:00"))
def test_malformed_headers_are_refused_in_words(
    timestamp: str | None, signature: str | None, now: datetime
) -> None:
    with pytest.raises(InvalidSignature) as refused:
        check(b"secret", timestamp, signature, b"{}", now)
    assert refused.value.reason
    assert refused.value.extras() == {}


@given(moments(), st.integers(-(10**6), 10**6))
def test_unix_time_is_counted_down_to_the_second(now: datetime, days: int) -> None:
    moment = now + timedelta(days=days % 30_000)
    assert epoch_seconds(moment) == seconds_of(moment)
