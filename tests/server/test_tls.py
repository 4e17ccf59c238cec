"""The certificate that a server makes for itself."""

import ipaddress
import ssl
import stat

import pytest
from cryptography import x509

from vivavoce.server.tls import self_signed


def names_of(host: str) -> list[object]:
    with self_signed(host) as files:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [each.value for each in extension.value]


LOOPBACK = ["localhost", ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]


@pytest.mark.parametrize(
    ("host", "more"),
    [
        ("localhost", []),
        ("127.0.0.1", []),
        ("::1", []),
        ("192.0.2.1", [ipaddress.ip_address("192.0.2.1")]),
        ("voice.example", ["voice.example"]),
    ],
)
def test_whom_it_is_for(host: str, more: list[object]):
    assert names_of(host) == LOOPBACK + more


def test_its_key_is_for_nobody_else():
    with self_signed() as files:
        assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
        assert b"PRIVATE KEY" not in files.certificate.read_bytes()
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    assert not files.key.exists()
    assert not files.certificate.exists()


def test_the_key_may_go_before_the_certificate():
    with self_signed() as files:
        files.key.unlink()
    assert not files.certificate.exists()


def test_every_certificate_is_another():
    with self_signed() as one, self_signed() as other:
        assert one.certificate.read_bytes() != other.certificate.read_bytes()
