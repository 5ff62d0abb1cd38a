"""The names of all settings, and names in an environment that look like misspellings of them."""

import re
from collections.abc import Iterator, Mapping, Set
from difflib import get_close_matches

NAMES = frozenset(
    {
        *("HOST", "PORT", "ALLOWED_HOSTS", "API_OPEN", "API_PUBLIC_URL"),
        *("DATABASE_URL", "DATA_DIR"),
        *("DRIVE_API_URL", "DRIVE_COOL_DOWN_SECONDS", "DRIVE_QUOTA_USER", "DRIVE_TIMEOUT_SECONDS"),
        *("DRIVE_QUOTA_MODEL", "DRIVE_QUOTA_SHARES", "DRIVE_QUOTA_UNITS_PER_MINUTE"),
        *("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"),
        *("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX"),
        *("METRICS_HOST", "METRICS_PORT"),
        *("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_SECRET_ACCESS_KEY"),
        *("S3_BUCKET", "S3_ENDPOINT_URL", "S3_PUBLIC_READ", "S3_PUBLIC_URL"),
        *("TRANSFER_CONCURRENCY", "TRANSFER_MEMORY_MB"),
    }
)
"""Every setting of every service; a test keeps the list complete."""
PREFIXES = ("DRIVE_", "METRICS_", "S3_", "TRANSFER_")
"""Names that begin so are meant for us. Other programs, too, read AWS_*, KAFKA_* or API_*."""
LIKENESS = 0.9
"""From here on (1 is equality, by difflib) one name counts as a misspelling of another."""
SHORTEST = 8
"""A shorter name, such as HOST or PORT, resembles too many names of other programs."""
_OTHERS = re.compile(r"S3_CONSOLE_URL|\w+_SERVICE_HOST|\w+_SERVICE_PORT\w*|\w+_PORT_\d+_\w+")
"""What `local/` tells its services beside their settings, and Kubernetes tells every container."""
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://")


def unknown_names(env: Mapping[str, str], known: Set[str]) -> Iterator[tuple[str, str]]:
    """Names with a value that look like settings and are none, each with the likely right name.

    The second is empty where no known name resembles the first.
    """
    candidates = [name for name in sorted(known) if len(name) >= SHORTEST]
    for name in sorted(env.keys() - known):
        value = env[name].strip()
        if not value or _OTHERS.fullmatch(name) or _KUBERNETES_PORT.match(value):
            continue
        close = get_close_matches(name.upper(), candidates, n=1, cutoff=LIKENESS)
        if close or name.startswith(PREFIXES):
            yield name, "".join(close)
