"""An idempotency key stands for one request, and what is not a key is refused."""

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ytmarket.domain import Attempt, IdempotencyMismatch, InvalidRequest, StoredAnswer
from ytmarket.testing.strategies import NOON, idempotency_keys

BODIES = st.binary(max_size=20)
PATHS = st.sampled_from(["/api/v1/orders", "/api/v1/balance/topup"])
VISIBLE = set(string.printable) - set(string.whitespace)
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=10)


@given(ANYTHING | ANYTHING.map(lambda text: text * 40) | idempotency_keys(), PATHS, BODIES)
@example("", "/", b"")
@example("k" * 255, "/", b"")
@example("k" * 256, "/", b"")
@example("key\n", "/", b"")
@example("two words", "/", b"")
@example("é", "/", b"")
@example("\ud800", "/", b"")
def test_a_key_is_1_to_255_visible_ascii_characters(key: str, path: str, body: bytes) -> None:
    if 1 <= len(key) <= 255 and set(key) <= VISIBLE:
        assert Attempt.of(key, path, body).key == key
    else:
        with pytest.raises(InvalidRequest):
            Attempt.of(key, path, body)


@given(idempotency_keys(), PATHS, BODIES, PATHS, BODIES)
def test_an_answer_is_replayed_for_the_same_path_and_body_alone(
    key: str, path: str, body: bytes, other_path: str, other_body: bytes
) -> None:
    stored = StoredAnswer(digest=Attempt.of(key, path, body).digest, answer=b"done", at=NOON)
    assert stored.replay(Attempt.of(key, path, body)) == b"done"
    assume((path, body) != (other_path, other_body))
    other = Attempt.of(key, other_path, other_body)
    assert not stored.answers(other)
    with pytest.raises(IdempotencyMismatch):
        stored.replay(other)
