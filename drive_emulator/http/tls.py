"""A certificate authority of the emulator's own, for clients that insist on TLS to Google's names.

The authority's private key stays in memory and is dropped once it has signed the one certificate:
trusting `ca.pem` in a test means trusting nothing that could be issued later.

`cryptography` is imported inside functions, here and in `auth.service_accounts`: the emulator
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
    "docs.google.com",  # export links point there
)
_LIFE = timedelta(days=90)
_SKEW = timedelta(hours=1)  # by which a client's clock may be behind


@dataclass(frozen=True)
class Issued:
    """PEM texts: the authority to trust, and the server's certificate with its key."""

    ca: bytes
    certificate: bytes
    key: bytes


def names(universe: str) -> tuple[str, ...]:
    """The certificate's DNS names; `universe` is a client's GOOGLE_CLOUD_UNIVERSE_DOMAIN."""
    return (*GOOGLE, f"www.{universe}", f"*.{universe}", "localhost")


def issue(universe: str, now: datetime) -> Issued:
    """A new authority and one certificate, valid from an hour before `now` for 90 days."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Drive emulator test CA")])
    ca_extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(signs=True), True),
    ]
    ca = _sign(issuer, issuer, authority.public_key(), authority, ca_extensions, now)
    dns = names(universe)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, dns[0])])
    addresses = [*map(x509.DNSName, dns), x509.IPAddress(ip_address("127.0.0.1"))]
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName(addresses), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False),
    ]
    leaf = _sign(subject, issuer, server.public_key(), authority, extensions, now)
    pem = serialization.Encoding.PEM
    key = server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Issued(ca.public_bytes(pem), leaf.public_bytes(pem), key)


def _sign(
    subject: "x509.Name",
    issuer: "x509.Name",
    public: "ec.EllipticCurvePublicKey",
    signer: "ec.EllipticCurvePrivateKey",
    extensions: "list[tuple[x509.ExtensionType, bool]]",
    now: datetime,
) -> "x509.Certificate":
    """A certificate with these extensions, each with whether it is critical."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256())


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
    """The context of an HTTP/1.1 server; the key is on disk only while OpenSSL reads it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.NamedTemporaryFile(prefix="drive-emulator-", suffix=".pem") as chain:
        chain.write(issued.certificate + issued.ca + issued.key)
        chain.flush()
        context.load_cert_chain(chain.name)
    return context


def install(folder: Path, universe: str) -> tuple[Path, ssl.SSLContext]:
    """Write `ca.pem` into the folder, which is made if need be; return it and the context.

    Raises `OSError` where the folder cannot be written and `ImportError` without `cryptography`.
    """
    issued = issue(universe, datetime.now(UTC))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ca.pem"
    path.write_bytes(issued.ca)
    return path.resolve(), server_context(issued)
