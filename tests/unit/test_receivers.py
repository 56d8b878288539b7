"""Who shares the fate of whose webhooks: a host and a port, however URLs spell them."""

import pytest

from ytmarket.domain.webhooks import receiver_of


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        ("https://a.example/hook", "a.example"),
        ("http://a.example/hook", "a.example"),
        ("https://a.example?order=1", "a.example"),
        ("https://a.example#order", "a.example"),
        ("https://A.Example.:0443/", "a.example"),
        ("https://a.example:8443/", "a.example:8443"),
        ("https://İ.example/", "xn--i-9bb.example"),
        ("https://straße.example/", "strasse.example"),
        ("https://a。example/", "a.example"),
        ("http://[2001:DB8:0:0::1]:9000/", "[2001:db8::1]:9000"),
        ("http://[::1]/", "[::1]"),
        ("http://127.0.0.1:9000/", "127.0.0.1:9000"),
        ("", ""),
        ("nothing", ""),
        ("https://", ""),
        ("https://a.example:port/", ""),
        ("https://[::g]/", ""),
        ("https://" + "a" * 64 + ".example/", ""),
    ],
)
def test_a_receiver_is_what_a_url_names(url: str, receiver: str) -> None:
    assert receiver_of(url) == receiver
