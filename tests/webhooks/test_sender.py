"""What arrives at an honest receiver, and by which way."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path
from typing import Final

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.webhooks.dns_server import always, name_server
from tests.webhooks.receivers import answering, canary, receiver, saying
from ytmarket.adapters.webhooks.resolver import DnsResolver, Resolver
from ytmarket.adapters.webhooks.sender import GuardedSender, tls_context

TLS: Final = tls_context()
HERE: Final = always(("A", "127.0.0.1"))


def sender(
    resolver: Resolver | None = None, *, tls: ssl.SSLContext = TLS, deadline: float = 5
) -> GuardedSender:
    return GuardedSender(
        resolver=resolver or DnsResolver(), allow_private=True, deadline_seconds=deadline, tls=tls
    )


async def test_the_body_arrives_byte_for_byte_under_the_headers_given() -> None:
    body = '{"order_id": 789, "items": ["ключ\u2028"]}'.encode() + bytes(range(256))
    async with receiver() as found:
        headers = {
            "Content-Type": "application/json",
            "X-Webhook-Id": "evt-1",
            "X-Webhook-Signature": "ab" * 32,
        }
        assert await sender().post(found.url("/hook?token=a%20b&c=ü#part"), body, headers) == 200
        (request,) = found.requests
    head, _, arrived = request.partition(b"\r\n\r\n")
    assert arrived == body
    assert head.split(b"\r\n") == [
        b"POST /hook?token=a%20b&c=%C3%BC HTTP/1.1",
        b"Host: 127.0.0.1:%d" % found.port,
        b"User-Agent: ytmarket-webhooks",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
        b"Content-Type: application/json",
        b"X-Webhook-Id: evt-1",
        b"X-Webhook-Signature: " + b"ab" * 32,
    ]


async def test_no_header_given_can_speak_for_the_connection() -> None:
    async with receiver() as found:
        headers = {
            "Host": "other",
            "content-length": "1",
            "Transfer-Encoding": "chunked",
            "connection": "upgrade",
        }
        assert await sender().post(found.url(), b"{}", headers) == 200
        (request,) = found.requests
    for word in (b"other", b"chunked", b"upgrade"):
        assert word not in request
    assert request.lower().count(b"content-length") == 1


async def test_a_header_that_would_split_the_request_is_not_sent() -> None:
    async with receiver() as found:
        assert await sender().post(found.url(), b"{}", {"X-A": "b\r\nX-Evil: yes"}) is None
        assert found.requests == []


@pytest.mark.parametrize(
    "status", [200, 201, 202, 204, 299, 300, 301, 302, 307, 308, 400, 404, 408, 410, 429, 500, 503]
)
async def test_the_status_is_told_as_it_came(status: int) -> None:
    async with receiver(saying(b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % status)) as found:
        assert await sender().post(found.url(), b"{}", {}) == status


async def test_a_provisional_answer_is_passed_over() -> None:
    async with receiver(saying(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\n\r\n")) as found:
        assert await sender().post(found.url(), b"{}", {}) == 201


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with canary() as elsewhere:
        answer = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
        async with receiver(saying(answer % (status, elsewhere.url().encode()))) as found:
            assert await sender().post(found.url(), b"{}", {}) == status
        assert elsewhere.connections == 0


async def test_no_cookie_comes_back() -> None:
    async with receiver() as found:
        found.handler = answering(
            found, b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
        )
        one = sender()
        for _ in range(2):
            assert await one.post(found.url(), b"{}", {}) == 200
        assert len(found.requests) == 2
        assert b"cookie" not in b"".join(found.requests).lower()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with canary() as proxy, receiver() as found:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        assert await GuardedSender(allow_private=True).post(found.url(), b"{}", {}) == 200
        assert proxy.connections == 0


async def test_each_attempt_has_a_connection_of_its_own_and_closes_it() -> None:
    async with receiver() as found:
        one = sender()
        for _ in range(3):
            assert await one.post(found.url(), b"{}", {}) == 200
        assert found.connections == 3
        assert await found.all_closed()


async def test_the_host_header_keeps_the_name_and_the_port() -> None:
    async with name_server(HERE) as server, receiver() as found:
        for host, said in (
            ("shop.example", b"shop.example"),
            ("SHOP.example.", b"shop.example."),
            ("магазин.example", b"xn--80aairftm.example"),
        ):
            assert await sender(server.resolver()).post(found.url(host=host), b"{}", {}) == 200
            assert b"\r\nHost: %s:%d\r\n" % (said, found.port) in found.requests[-1]
        assert ("xn--80aairftm.example", "A") in server.queries


async def test_the_next_address_of_a_name_is_tried_when_one_is_dead() -> None:
    async with name_server(always(("A", "127.0.0.2"), ("A", "127.0.0.1"))) as server, receiver() as found:
        assert await sender(server.resolver()).post(found.url(host="shop.example"), b"{}", {}) == 200


async def test_localhost_is_this_machine_whatever_a_name_server_says(tmp_path: Path) -> None:
    async with name_server(always(("A", "192.0.2.1"))) as server, receiver() as found:
        resolver = attrs.evolve(server.resolver(), hosts_file=tmp_path / "none")
        for host in ("localhost", "shop.localhost", "LOCALHOST."):
            assert await sender(resolver).post(found.url(host=host), b"{}", {}) == 200
        assert server.queries == []


async def test_a_url_with_credentials_is_not_sent_to() -> None:
    async with receiver() as found:
        for host in ("user@127.0.0.1", "user:pass@127.0.0.1"):
            assert await sender().post(found.url(host=host), b"{}", {}) is None
        assert found.connections == 0


async def test_hundreds_can_be_sent_at_once() -> None:
    async with name_server(HERE) as server, receiver() as found:
        one = sender(server.resolver(lifetime_seconds=20), deadline=30)
        answers = await asyncio.gather(
            *(
                one.post(found.url(f"/{number}", host="shop.example"), b"%d" % number, {})
                for number in range(300)
            )
        )
        assert answers == [200] * 300
    paths = {request.split(b" ")[1]: request.partition(b"\r\n\r\n")[2] for request in found.requests}
    assert paths == {b"/%d" % number: b"%d" % number for number in range(300)}


async def test_who_is_cancelled_stops_and_leaves_nothing_open() -> None:
    met = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        met.set()
        await reader.read()

    async with receiver(wait) as found:
        task = asyncio.create_task(sender().post(found.url(), b"{}", {}))
        await met.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await found.all_closed()


# Certificates


@attrs.frozen
class Authority:
    """Signs certificates that the sender trusts, or not."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def name(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])

    def certificate(
        self, host: str, key: ec.EllipticCurvePrivateKey, *, days: int = 1, authority: bool = False
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        alternative = x509.SubjectAlternativeName([x509.DNSName(host)])
        subject = self.name if authority else x509.Name([])
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=3))
        builder = builder.not_valid_after(now + dt.timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if not authority:
            builder = builder.add_extension(alternative, critical=True)
        return builder.sign(self.key, hashes.SHA256())

    def trusted(self) -> ssl.SSLContext:
        context = tls_context()
        certificate = self.certificate("", self.key, authority=True)
        context.load_verify_locations(cadata=certificate.public_bytes(Encoding.PEM).decode())
        return context

    def server(self, host: str, *, days: int = 1) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self.folder / f"{host} {days}.pem"
        path.write_bytes(private + self.certificate(host, key, days=days).public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def https_status(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, host: str = "shop.example"
) -> tuple[int | None, list[str | None]]:
    names: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)
    async with name_server(HERE) as server, receiver(tls=server_tls) as found:
        url = found.url(host=host, scheme="https")
        return await sender(server.resolver(), tls=client_tls).post(url, b"{}", {}), names


@pytest.mark.parametrize("host", ["shop.example", "SHOP.example", "shop.example."])
async def test_a_certificate_is_checked_against_the_urls_name(authority: Authority, host: str) -> None:
    status, names = await https_status(authority.server("shop.example"), authority.trusted(), host)
    assert status == 200
    assert names == ["shop.example"]


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_refused(authority: Authority, host: str) -> None:
    status, _ = await https_status(authority.server("shop.example"), authority.trusted(), host)
    assert status is None


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    assert (await https_status(authority.server("shop.example"), TLS))[0] is None


async def test_a_certificate_that_has_run_out_is_refused(authority: Authority) -> None:
    assert (await https_status(authority.server("shop.example", days=-1), authority.trusted()))[0] is None


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1_1", "TLSv1_2", "TLSv1_3"])
async def test_nothing_below_tls_1_2_is_spoken(authority: Authority, version: str) -> None:
    server_tls = authority.server("shop.example")
    server_tls.set_ciphers("ALL:@SECLEVEL=0")
    server_tls.minimum_version = ssl.TLSVersion.TLSv1_1
    server_tls.maximum_version = ssl.TLSVersion[version]
    client_tls = authority.trusted()
    client_tls.set_ciphers("ALL:@SECLEVEL=0")
    assert (await https_status(server_tls, client_tls))[0] == (None if version == "TLSv1_1" else 200)


def test_the_context_verifies_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    context = tls_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
