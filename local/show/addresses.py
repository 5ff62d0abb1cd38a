"""The table of addresses: what runs, where it is, and how to log in."""

from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from local.servers.emulator import Sample
from local.servers.services import WEBHOOKS, WORKERS


def addresses(
    settings: Mapping[str, str],
    data_dir: Path,
    sample: Sample | None,
    started: Collection[str],
) -> dict[str, str]:
    """Labels and addresses, the most interesting ones first, without those that do not exist.

    `started` are the names of the servers that we started: we show no passwords of others.
    """
    api, console = settings.get("API_URL", ""), settings.get("S3_CONSOLE_URL", "")
    login = f"user {settings.get('AWS_ACCESS_KEY_ID')}"
    login += f", password {settings.get('AWS_SECRET_ACCESS_KEY')}"
    metrics = {name: settings.get(f"{name.upper()}_METRICS_URL") for name in (*WORKERS, WEBHOOKS)}
    rows = {
        "Page": settings.get("WEB_URL", ""),
        "API": api,
        "API documents": f"{api}/schema",
        "S3": settings.get("S3_ENDPOINT_URL", ""),
        "S3 console": f"{console} ({login})" if console else "",
        "Kafka": settings.get("KAFKA_BOOTSTRAP_SERVERS", ""),
        "PostgreSQL": _shown(settings.get("DATABASE_URL", ""), "postgres" in started),
        "Drive": settings.get("DRIVE_API_URL", "") or "Google's, with your credentials",
        "Sample folder": sample.url if sample else "",
        "Metrics": ", ".join(
            [f"{api}/metrics (api)", *(f"{url} ({name})" for name, url in metrics.items() if url)]
        ),
        "Data": str(data_dir),
        "Logs": str(data_dir / "logs"),
    }
    return {label: address for label, address in rows.items() if address}


def table(rows: Mapping[str, str]) -> str:
    """Two columns without a frame, so that an address can be copied."""
    width = max((len(label) for label in rows), default=0)
    return "\n".join(f"  {label:<{width}}  {address}" for label, address in rows.items())


def _shown(url: str, with_password: bool) -> str:
    parts = urlsplit(url)
    if with_password or not parts.password:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))
