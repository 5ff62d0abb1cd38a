"""Where PostgreSQL is: `DATABASE_URL`, taken apart here and nowhere else.

libpq and SQLAlchemy quote an address that they cannot read, password included. So neither is ever
given one: both get the parts.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from psycopg import pq

from services.core.settings import Reader, Secret

FORM = "postgresql://user:password@host:port/database"
ENCODE = "Write special characters in a password as %XX, for example %40 for @."
# Of several @, the last one ends the password. Past it an @ is refused: a password that holds / or
# ? would otherwise be read as the name of a database, which error messages quote.
ADDRESS = re.compile(
    r"postgres(?:ql)?://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]*)"
    r"(?:/(?P<dbname>[^/?#@]*))?(?:\?(?P<query>[^#@]*))?"
)
HOST = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]*))?")
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
KNOWN = frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """PostgreSQL. The address holds a password, so it is a secret."""

    url: Secret

    @classmethod
    def read(cls, reader: Reader) -> "DatabaseSettings":
        """From DATABASE_URL. A fault names what is wrong, and quotes nothing of the value."""
        settings = cls(url=reader.secret("DATABASE_URL"))
        if settings.url.reveal():
            try:
                settings.parameters()
            except ValueError as why:
                reader.faults.append(str(why))
        return settings

    def parameters(self, **defaults: str) -> dict[str, str]:
        """libpq's connection parameters, for `psycopg.connect`.

        What the address gives wins over `defaults`; only `options` of both are passed on. Raises
        `ValueError` with a sentence for an address that cannot be read.
        """
        given = _parsed(self.url.reveal())
        if "options" in given and "options" in defaults:
            given["options"] = f"{defaults['options']} {given['options']}"
        return {**defaults, **given}


def _parsed(url: str) -> dict[str, str]:
    address = ADDRESS.fullmatch(url)
    if address is None or CONTROL.search(url):
        raise ValueError(f"DATABASE_URL must look like {FORM}. {ENCODE}")
    if BAD_ESCAPE.search(url):
        raise ValueError(f"DATABASE_URL has a % that begins no character: write %25. {ENCODE}")
    user, _, password = (address["login"] or "").partition(":")
    parts = {"user": user, "password": password, "dbname": address["dbname"] or ""}
    parts |= _hosts(address["hosts"]) | _query(address["query"] or "")
    try:
        url.encode()
        parsed = {name: unquote(text, errors="strict") for name, text in parts.items() if text}
    except UnicodeError:
        raise ValueError(f"DATABASE_URL is not UTF-8. {ENCODE}") from None
    if not all(map(_can_be_a_host, parsed.get("host", "").split(","))):
        raise ValueError(f"DATABASE_URL names no host. It must look like {FORM}. {ENCODE}")
    return parsed


def _hosts(text: str) -> dict[str, str]:
    """One host or several, each with a port or not."""
    if not text:
        return {}
    hosts = [HOST.fullmatch(host) for host in text.split(",")]
    names = [host["ipv6"] or host["name"] for host in hosts if host]
    ports = [host["port"] or "5432" for host in hosts if host]
    if None in hosts or any(len(port) > 5 or not 1 <= int(port) <= 65535 for port in ports):
        raise ValueError(f"DATABASE_URL has a host or a port (1 to 65535) that cannot be. {ENCODE}")
    return {"host": ",".join(names), "port": ",".join(ports)}


def _can_be_a_host(name: str) -> bool:
    if name.startswith("/"):  # the folder of a Unix socket
        return True
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def _query(text: str) -> dict[str, str]:
    """The parameters after the question mark, such as `sslmode=require`."""
    pairs = [pair.partition("=") for pair in text.split("&") if pair]
    if any(name not in KNOWN or not equals for name, equals, _ in pairs):
        raise ValueError(
            "DATABASE_URL has a parameter after the ? that PostgreSQL does not know. "
            "If the ? belongs to the password, write %3F."
        )
    return {name: value for name, _, value in pairs}
