"""Allow-lists take addresses and ranges of both kinds; what cannot be read is refused in words."""

from datetime import UTC, datetime

import attrs
import pytest

from ytmarket.domain import AccountId, AddressNotAllowed, ApiKey, ApiKeyId, InvalidRequest
from ytmarket.domain.api_keys import digest, fingerprint, parse_address, parse_range

KEY = ApiKey(
    id=ApiKeyId(1), account_id=AccountId(1), fp="ab", label="x", created_at=datetime(2026, 1, 1, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.255"),
        ("203.0.113.9/24", "203.0.113.1"),
        ("2001:db8::/32", "2001:db8::1"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.7"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
    ],
)
def test_an_address_on_the_list_may_come_in(allowed: str, address: str) -> None:
    attrs.evolve(KEY, allowed=(parse_range(allowed, "/ip"),)).check_address(parse_address(address))


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("203.0.113.7", "203.0.113.8"),
        ("203.0.113.0/24", "203.0.114.0"),
        ("2001:db8::/32", "2001:db9::1"),
        ("::/0", "203.0.113.7"),
        ("203.0.113.7", "not an address"),
        ("fe80::/10", "fe80::1%eth0"),
    ],
)
def test_any_other_may_not(allowed: str, address: str) -> None:
    with pytest.raises(AddressNotAllowed):
        attrs.evolve(KEY, allowed=(parse_range(allowed, "/ip"),)).check_address(parse_address(address))


def test_an_empty_list_lets_everybody_in() -> None:
    KEY.check_address(None)


@pytest.mark.parametrize(
    "text", ["", "localhost", "203.0.113.0/33", "1.2.3", "fe80::1%eth0", "\ud800", "10.0.0.0/8/8"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_range(text, "/ip_whitelist/0")
    assert refused.value.pointer == "/ip_whitelist/0"
    assert repr(text) in refused.value.problem


def test_a_key_is_kept_as_a_hash_and_named_by_its_beginning() -> None:
    known = "5a652ee3cc62caff849016a059a7bde3c86d380b34e26c4b9a2d8a4ceddced37"
    assert digest("ytm_abc").hex() == known
    assert fingerprint(digest("ytm_abc")) == known[:12]
    assert len(digest("\ud800")) == 32  # whatever a header holds
