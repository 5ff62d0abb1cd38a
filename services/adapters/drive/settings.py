"""Where Drive is and how it is reached, with which credentials, and how long it is waited for."""

from dataclasses import dataclass
from pathlib import Path

from services.core.settings import Reader, Secret

GOOGLE = "https://www.googleapis.com"
QUOTA_USER = "drivestream"
LONGEST_QUOTA_USER = 40
NO_CREDENTIALS = (
    "Neither GOOGLE_API_KEY nor GOOGLE_APPLICATION_CREDENTIALS is set, so Google Drive will refuse "
    "to list, show or download anything. Set one of them and restart (docs/google-key.md)."
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait, in seconds, and how often to resume."""

    answer: float = 60.0  # from the request to the end of a listing, or a file's first byte
    silence: float = 30.0  # between two bytes
    least: int = 4 * 1024  # bytes of a file within that time, or it counts as silence
    resumes: int = 5  # of a large download, in a row
    pause: float = 0.5  # before the first of them


@dataclass(frozen=True, kw_only=True)
class DriveSettings:
    """Google Drive, or a server with the same API.

    With a `credentials_file` the service account is used, and the key is not. With a key,
    `quota_user` says whose quota is spent.
    """

    api_url: str
    api_key: Secret
    credentials_file: Path | None = None
    quota_user: str = QUOTA_USER
    cool_down_seconds: float = 600.0
    limits: Limits = Limits()

    @property
    def missing(self) -> str:
        """What is missing before Drive can be asked for anything; empty if nothing is. It is no
        fault of the settings: what was imported can be read without."""
        return "" if self.api_key.reveal() or self.credentials_file else NO_CREDENTIALS

    @classmethod
    def read(cls, reader: Reader) -> "DriveSettings":
        quota_user = reader.text("DRIVE_QUOTA_USER", QUOTA_USER)
        if len(quota_user) > LONGEST_QUOTA_USER:
            reader.faults.append(
                f"DRIVE_QUOTA_USER must have at most {LONGEST_QUOTA_USER} characters."
            )
        longest = float(reader.number("DRIVE_TIMEOUT_SECONDS", 60, 1, 3_600))
        return cls(
            api_url=reader.url("DRIVE_API_URL", GOOGLE),
            api_key=reader.secret("GOOGLE_API_KEY", ""),
            credentials_file=reader.json_file("GOOGLE_APPLICATION_CREDENTIALS"),
            quota_user=quota_user,
            cool_down_seconds=float(reader.number("DRIVE_COOL_DOWN_SECONDS", 600, 1, 86_400)),
            limits=Limits(answer=longest, silence=longest / 2),
        )
