"""Where the api listens, who may reach it, and by which names."""

from dataclasses import dataclass
from ipaddress import ip_address

from services.api.hosts import PATTERN, name_in
from services.core.settings import Reader


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """The address to listen at, where port 0 takes any free one, and the names that it answers to.

    `public_url` is the API's address as browsers reach it; empty where a request's own host is.
    """

    host: str
    port: int
    allowed_hosts: frozenset[str]
    public_url: str

    @classmethod
    def read(cls, reader: Reader) -> "ApiSettings":
        """From HOST, PORT, API_OPEN, ALLOWED_HOSTS and API_PUBLIC_URL."""
        host = reader.text("HOST", "127.0.0.1")
        port = reader.number("PORT", 3000, at_least=0, at_most=65535)
        if not reader.flag("API_OPEN", False) and not _is_loopback(host):
            reader.faults.append(
                "HOST is an address where others can reach the API, which asks nobody for a key: "
                "set API_OPEN=true if that is what you want, or HOST=127.0.0.1."
            )
        public_url = reader.url("API_PUBLIC_URL", ("http", "https"), "")
        return cls(
            host=host,
            port=port,
            allowed_hosts=_allowed_hosts(reader, host, public_url),
            public_url=public_url,
        )


def _allowed_hosts(reader: Reader, host: str, public_url: str) -> frozenset[str]:
    """`localhost`, our own names, and those in ALLOWED_HOSTS."""
    given = reader.text("ALLOWED_HOSTS", "").lower().split(",")
    names = {name.strip() for name in given} - {""}
    if not all(map(PATTERN.fullmatch, names)):
        reader.faults.append(
            "ALLOWED_HOSTS must be host names with commas between them, without scheme or port, "
            "such as api.example.org,*.example.net."
        )
    own = {host.lower(), name_in(public_url.partition("://")[2].partition("/")[0])} - {""}
    return frozenset({"localhost"} | own | names)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
