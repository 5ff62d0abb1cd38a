"""What was asked of the emulator so far."""

from dataclasses import dataclass


@dataclass
class Counters:
    """Requests by method, those refused among them, and bytes of media sent."""

    list: int = 0
    get: int = 0
    media: int = 0
    refused: int = 0
    bytes: int = 0
