"""Where PostgreSQL is: `DATABASE_URL`, taken apart here and nowhere else.

Drivers quote an address that they cannot read, password included. So they are given its parts.
"""

import re
import ssl
from dataclasses import dataclass
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from services.core.settings import Reader, Secret

FORM = "postgresql://user:password@host:port/database"
ENCODE = "Write special characters in a password as %XX, for example %40 for @ and %3F for ?."
# Of several @, the last one ends the password. Past it an @ is refused: a password that holds / or
# ? would otherwise be read as the name of a database, which error messages quote.
ADDRESS = re.compile(
    r"postgres(?:ql)?://(?:(?P<login>[^/?#]*)@)?"
    r"(?P<place>[^/?#@]*(?:/[^/?#@]*)?(?:\?[^#@]*)?)"
)
NO_CA = (
    "has an sslrootcert that is no readable file of certificates in PEM format. Write "
    "sslrootcert=system for the system's CAs."
)
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """`name` is that of the setting, for messages."""

    url: Secret
    name: str = "DATABASE_URL"

    @classmethod
    def read(cls, reader: Reader) -> "DatabaseSettings":
        return cls.read_from(reader, "DATABASE_URL")

    @classmethod
    def read_from(cls, reader: Reader, name: str) -> "DatabaseSettings":
        settings = cls(url=reader.secret(name), name=name)
        if settings.url.reveal():
            try:
                ca_file = settings.parameters().get("sslrootcert", "system")
                if not _can_be_trusted(ca_file):
                    reader.faults.append(f"{name} {NO_CA}")
            except ValueError as why:
                reader.faults.append(str(why))
        return settings

    def parameters(self, **defaults: str) -> dict[str, str]:
        """libpq's: of the address, then `defaults`, and the `options` of both. Raises `ValueError`
        with a sentence for an address that cannot be read."""
        given = _parsed(self.url.reveal(), self.name)
        if "options" in given and "options" in defaults:
            given["options"] = f"{defaults['options']} {given['options']}"
        return {"port": "5432", **defaults, **given}  # else PGPORT would steer us


def _parsed(url: str, name: str) -> dict[str, str]:
    address = ADDRESS.fullmatch(url)
    if address is None or CONTROL.search(url):
        raise ValueError(f"{name} must look like {FORM}. {ENCODE}")
    if BAD_ESCAPE.search(url):
        raise ValueError(f"{name} has a % that is not an escape. Write it as %25. {ENCODE}")
    user, _, password = (address["login"] or "").partition(":")
    try:
        parts = {
            "user": unquote(user, errors="strict"),
            "password": unquote(password, errors="strict"),
            **conninfo_to_dict(f"postgresql://{address['place']}"),
        }
    except UnicodeError:
        raise ValueError(f"{name} is not UTF-8. {ENCODE}") from None
    except psycopg.Error:  # libpq quotes what it cannot read
        raise ValueError(
            f"{name} has a host, port or parameter that PostgreSQL does not accept. {ENCODE}"
        ) from None
    given = {key: str(value) for key, value in parts.items() if value}
    if not all(map(_can_be_a_host, given.get("host", "").split(","))):
        raise ValueError(f"{name} has no valid host. It must look like {FORM}. {ENCODE}")
    if not all(map(_can_be_a_port, given.get("port", "").split(","))):
        raise ValueError(f"{name} must have a port from 1 to 65535. {ENCODE}")
    return given


def _can_be_trusted(ca_file: str) -> bool:
    try:
        if ca_file != "system":
            ssl.create_default_context(cafile=ca_file)
    except OSError:  # SSLError is one
        return False
    return True


def _can_be_a_host(name: str) -> bool:
    if name.startswith("/"):  # the folder of a Unix socket
        return True
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def _can_be_a_port(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{0,5}", text)) and 1 <= int(text or 5432) <= 65535
