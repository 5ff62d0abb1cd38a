"""The certificate: its names, its authority, and how long it is valid."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from drive_emulator.http.tls import Issued, install, issue, server_context

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def issued() -> Issued:
    return issue("emu.test", datetime.now(UTC))


def client(issued: Issued) -> ssl.SSLContext:
    """A context as strict as Python's default since 3.13."""
    context = ssl.create_default_context(cadata=issued.ca.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """The client's end after a handshake in memory; raises `ssl.SSLError`."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ours


@pytest.mark.parametrize(
    "host",
    [
        "www.googleapis.com",
        "drive.googleapis.com",
        "oauth2.googleapis.com",
        "accounts.google.com",
        "www.emu.test",
        "localhost",
        "127.0.0.1",
    ],
)
def test_a_client_that_trusts_the_authority_trusts_the_server(issued: Issued, host: str) -> None:
    end = shaken(server_context(issued), client(issued), host)
    assert end.version() in ("TLSv1.2", "TLSv1.3")


def test_a_client_that_does_not_trust_it_refuses(issued: Issued) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(server_context(issued), ssl.create_default_context(), "www.googleapis.com")


def test_no_other_name_is_covered(issued: Issued) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(server_context(issued), client(issued), "www.example.com")


def test_the_authority_cannot_sign_another_authority() -> None:
    ca = x509.load_pem_x509_certificate(issue("emu.test", NOW).ca)
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.path_length) == (True, 0)
    assert ca.not_valid_after_utc == NOW + timedelta(days=90)


def test_only_the_authority_is_written_to_disk(tmp_path: Path) -> None:
    path, _ = install(tmp_path / "new" / "folder", "emu.test")
    assert list(path.parent.iterdir()) == [path]
    assert b"PRIVATE" not in path.read_bytes()
    assert x509.load_pem_x509_certificate(path.read_bytes()).subject.rfc4514_string() == (
        "CN=Drive emulator test CA"
    )
