"""Where the api listens, and whether others may reach it."""

from dataclasses import dataclass
from ipaddress import ip_address

from services.core.settings import Reader


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """The address to listen at; port 0 takes any free one."""

    host: str
    port: int

    @classmethod
    def read(cls, reader: Reader) -> "ApiSettings":
        """From HOST, PORT and API_OPEN. There are no keys yet, so beyond loopback is a decision."""
        host = reader.text("HOST", "127.0.0.1")
        port = reader.number("PORT", 3000, at_least=0, at_most=65535)
        if not reader.flag("API_OPEN", False) and not _is_loopback(host):
            reader.faults.append(
                "HOST is an address where others can reach the API, which asks nobody for a key: "
                "set API_OPEN=true if that is what you want, or HOST=127.0.0.1."
            )
        return cls(host=host, port=port)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
