"""The one table of addresses that a newcomer gets: what runs, where, and how to get in."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from local.servers.health import OPENER
from local.servers.server import ServerError


def addresses(
    settings: Mapping[str, str], home: Path, sample: str | None, ours: Collection[str]
) -> dict[str, str]:
    """Label and address, in the order of interest; only of what there is.

    `ours` names the servers that we started: the passwords of others are not ours to show.
    """
    api, console = settings.get("API_URL", ""), settings.get("S3_CONSOLE_URL", "")
    login = f"user {settings.get('AWS_ACCESS_KEY_ID')}"
    login += f", password {settings.get('AWS_SECRET_ACCESS_KEY')}"
    known = {
        "Page": settings.get("WEB_URL", ""),
        "API": api,
        "API documents": f"{api}/schema",
        "S3": settings.get("S3_ENDPOINT_URL", ""),
        "S3 console": f"{console} ({login})" if console else "",
        "Kafka": settings.get("KAFKA_BOOTSTRAP_SERVERS", ""),
        "PostgreSQL": _shown(settings.get("DATABASE_URL", ""), "postgres" in ours),
        "Drive": settings.get("DRIVE_API_URL", "") or "Google's, with your key",
        "Sample folder": sample or "",
        "Data": str(home),
        "Logs": str(home / "logs"),
    }
    return {label: address for label, address in known.items() if address}


def table(rows: Mapping[str, str]) -> str:
    """Two columns, without frames: an address must survive being copied."""
    width = max((len(label) for label in rows), default=0)
    return "\n".join(f"  {label:<{width}}  {address}" for label, address in rows.items())


@dataclass(frozen=True)
class Sample:
    """The emulator's sample folder: its link, and how many pictures an import must find there."""

    url: str
    pictures: int


def sample_folder(drive_url: str) -> Sample:
    """The first tree that the emulator names; `ServerError` if this is no emulator of ours."""
    try:
        with OPENER.open(f"{drive_url}/_emu/trees", timeout=10) as response:
            first = json.load(response)["trees"][0]
        return Sample(url=str(first["folderUrl"]), pictures=int(first["pictures"]))
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise ServerError(
            f"{drive_url} names no sample folder, so it is not our emulator ({error}). "
            "Name a folder with --folder."
        ) from None


def _shown(url: str, with_password: bool) -> str:
    parts = urlsplit(url)
    if with_password or not parts.password:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))
