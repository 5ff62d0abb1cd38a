"""A certificate authority of the emulator's own, for clients that insist on TLS to Google's names.

Its private key never leaves the memory of this module and is dropped once the one certificate is
signed: whoever trusts `ca.pem` in a test trusts nothing that could be issued later.

`cryptography` is imported only here and in `service_accounts`, when it is asked for: the emulator
starts without it.
"""

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

DEFAULT_UNIVERSE = "emu.test"
GOOGLE = (
    "www.googleapis.com",
    "*.googleapis.com",
    "oauth2.googleapis.com",
    "accounts.google.com",
    "docs.google.com",  # where the links of exports lead
)
_LIFE = timedelta(days=90)
_SKEW = timedelta(hours=1)  # of a client's clock behind ours


@dataclass(frozen=True)
class Issued:
    """PEM texts: the authority to trust, and the server's certificate with its key."""

    ca: bytes
    certificate: bytes
    key: bytes


def names(universe: str) -> tuple[str, ...]:
    """The DNS names of the certificate; `universe` is what GOOGLE_CLOUD_UNIVERSE_DOMAIN says."""
    return (*GOOGLE, f"www.{universe}", f"*.{universe}", "localhost")


def issue(universe: str, now: datetime) -> Issued:
    """A new authority and one certificate, valid from an hour before `now` for 90 days."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Drive emulator test CA")])
    ca = _authority(authority, issuer, now)
    leaf = _leaf(server.public_key(), authority, ca, names(universe), now)
    pem = serialization.Encoding.PEM
    key = server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Issued(ca.public_bytes(pem), leaf.public_bytes(pem), key)


def _authority(
    key: "ec.EllipticCurvePrivateKey", name: "x509.Name", now: datetime
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    public = key.public_key()
    return (
        _unsigned(name, name, public, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    public: "ec.EllipticCurvePublicKey",
    authority: "ec.EllipticCurvePrivateKey",
    ca: "x509.Certificate",
    dns: tuple[str, ...],
    now: datetime,
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, dns[0])])
    alternatives = [*map(x509.DNSName, dns), x509.IPAddress(ip_address("127.0.0.1"))]
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    server_auth = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        _unsigned(subject, ca.subject, public, now)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(server_auth, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(signed_by, critical=False)
        .sign(authority, hashes.SHA256())
    )


def _unsigned(
    subject: "x509.Name", issuer: "x509.Name", public: "ec.EllipticCurvePublicKey", now: datetime
) -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
    )


def _usage(signs: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def server_context(issued: Issued) -> ssl.SSLContext:
    """For a TLS server of HTTP/1.1; the key touches the disk only while OpenSSL reads it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.NamedTemporaryFile(prefix="drive-emulator-", suffix=".pem") as chain:
        chain.write(issued.certificate + issued.ca + issued.key)
        chain.flush()
        context.load_cert_chain(chain.name)
    return context


def install(folder: Path, universe: str) -> tuple[Path, ssl.SSLContext]:
    """Write `ca.pem` into the folder (made if need be) and return it with the server's context.

    Raises `OSError` where the folder cannot be written and `ImportError` without `cryptography`.
    """
    issued = issue(universe, datetime.now(UTC))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ca.pem"
    path.write_bytes(issued.ca)
    return path.resolve(), server_context(issued)
