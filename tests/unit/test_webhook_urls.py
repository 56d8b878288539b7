"""Which texts can be a webhook_url; where they lead is not asked here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.webhook_urls import parse_webhook_url


@pytest.mark.parametrize(
    "url",
    [
        "https://your.app/api-cb",
        "http://your.app",
        "HTTPS://Your.App:8443/a/b?c=d&e=%20#part",
        "http://your.app?x=1",
        "http://your.app.",
        "http://your.app:/",
        "http://your.app:1",
        "http://your.app:65535/",
        "http://localhost:9000/hook",
        "http://127.0.0.1/",
        "http://10.0.0.1:8080/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433/",
        "http://[::1]:8080/x",
        "http://[2606:4700:4700::1111]/",
        "http://no-such-host.invalid/",
        "http://under_score.example/",
        "https://пример.рф/приём?вид=1",
        "http://" + "a" * 63 + ".example/",
        "https://your.app/" + "a" * (2048 - 17),
        "https://your.app/[x]/(y)/~z/'!$&*+,;=:@",
    ],
)
def test_a_url_is_accepted_wherever_it_leads(url: str) -> None:
    parse_webhook_url(url)


REFUSED = {
    "": "must start with http:// or https://",
    "your.app/hook": "must start with http:// or https://",
    "/hook": "must start with http:// or https://",
    "//your.app/hook": "must start with http:// or https://",
    "ftp://your.app/": "must start with http:// or https://",
    "javascript:alert(1)": "must start with http:// or https://",
    "http:your.app": "must start with http:// or https://",
    "http:/your.app": "must start with http:// or https://",
    "http//your.app": "must start with http:// or https://",
    "http://": "must name a host",
    "http:///hook": "must name a host",
    "http://:80/": "must name a host",
    "http://?x": "must name a host",
    " http://your.app/": "spaces or control characters",
    "http://your.app/ hook": "spaces or control characters",
    "http://your.app/\t": "spaces or control characters",
    "http://your.app/\r\nX: y": "spaces or control characters",
    "http://your.app/\0": "spaces or control characters",
    "http://your.app/\x7f": "spaces or control characters",
    "http://your.app/\u2028": "spaces or control characters",
    "http://your.app/\u200b": "spaces or control characters",
    "http://your.app/\ud800": "spaces or control characters",
    "http://your.app\\@other.app/": "percent-encode",
    'http://your.app/"': "percent-encode",
    "http://your.app/<x>": "percent-encode",
    "http://your.app/{x}": "percent-encode",
    "http://user@your.app/": "user name or password",
    "http://user:pass@your.app/": "user name or password",
    "http://@your.app/": "user name or password",
    "http://your.app:0/": "port from 1 to 65535",
    "http://your.app:65536/": "port from 1 to 65535",
    "http://your.app:-1/": "port from 1 to 65535",
    "http://your.app:http/": "port from 1 to 65535",
    "http://your.app:8\u0660/": "port from 1 to 65535",
    "http://your.app:80:80/": "port from 1 to 65535",
    "http://your..app/": "no domain name",
    "http://.your.app/": "no domain name",
    "http://your.app../": "no domain name",
    "http://./": "no domain name",
    "http://*.app/": "no domain name",
    "http://%79our.app/": "no domain name",
    "http://" + "a" * 64 + ".app/": "no domain name",
    "http://" + "a." * 127 + "app/": "no domain name",
    "http://[::1/": "malformed",
    "http://::1]/": "malformed",
    "http://[1.2.3.4]/": "",  # in words of the library, which differ from version to version
    "http://[v1.x]/": "no IPv6 address",
    "http://[::1]x/": "behind its IPv6 address",
    "http://[fe80::1%25eth0]/": "zone",
    "https://your.app/" + "a" * (2049 - 17): "at most 2048 characters",
}


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_such_url_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_webhook_url(url)
    assert refused.value.pointer == "/webhook_url"
    assert REFUSED[url] in refused.value.problem


@given(
    st.text()
    | st.text().map("http://{}".format)
    | st.text("[]:@/?#%.\\012xaé \uff11。", max_size=20).map("https://{}".format)
)
def test_no_text_is_anything_else_than_accepted_or_refused(text: str) -> None:
    try:
        parse_webhook_url(text)
    except InvalidRequest as refused:
        assert refused.problem
    else:
        assert text.lower().startswith(("http://", "https://"))
