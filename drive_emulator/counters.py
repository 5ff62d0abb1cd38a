"""What was asked of the emulator so far."""

from dataclasses import dataclass

REFUSED_FROM = 400  # statuses


@dataclass
class Counters:
    """Requests by method, those refused among them, and bytes of media sent."""

    list: int = 0
    get: int = 0
    media: int = 0
    refused: int = 0
    bytes: int = 0

    def add(self, kind: str, status: int, size: int) -> None:
        """One answered request."""
        refused = status >= REFUSED_FROM
        self.refused += refused
        match kind:
            case "media":
                self.media += 1
                if not refused:
                    self.bytes += size
            case "list":
                self.list += 1
            case "get":
                self.get += 1
