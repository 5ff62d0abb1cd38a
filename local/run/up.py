"""Everything up, and word of it left for the other commands."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from local.run.data_folder import Copy, Home
from local.run.stack import Say, Stack, running_stack
from local.servers.server import ServerError
from local.show.addresses import Sample, addresses, sample_folder

# What other commands may need of a running copy's settings.
SHARED = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "S3_ENDPOINT_URL",
    "S3_BUCKET",
    "S3_PUBLIC_URL",
    "S3_PUBLIC_READ",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "DATABASE_URL",
    "DRIVE_API_URL",
    "GOOGLE_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "DRIVE_QUOTA_UNITS_PER_MINUTE",
    "DRIVE_QUOTA_MODEL",
    "DRIVE_QUOTA_SHARES",
    "DRIVE_QUOTA_USER",
    "DRIVE_COOL_DOWN_SECONDS",
    "DRIVE_TIMEOUT_SECONDS",
    "TRANSFER_CONCURRENCY",
    "TRANSFER_MEMORY_MB",
    "API_URL",
    "WEB_URL",
)


@dataclass(frozen=True, kw_only=True)
class Up:
    """A running stack, its sample folder if it has one, and the table's rows."""

    stack: Stack
    sample: Sample | None
    rows: Mapping[str, str]

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return self.stack.plan.settings["API_URL"]


@contextmanager
def up(env: Mapping[str, str], home: Home, say: Say, with_web: bool) -> Iterator[Up]:
    """Run everything until the context ends; `status`, `down` and `setup` then know of it."""
    with running_stack(env, home, say, with_web) as stack:
        settings = stack.plan.settings
        sample = None
        if settings.get("DRIVE_API_URL"):
            with suppress(ServerError):  # an address that was given need not be our emulator's
                sample = sample_folder(settings["DRIVE_API_URL"])
        ours = {server.name for server in stack.plan.servers}
        rows = addresses(settings, home.path, sample.url if sample else None, ours)
        shared = {key: settings[key] for key in SHARED if settings.get(key)}
        home.record(Copy(pid=os.getpid(), settings=shared, addresses=rows))
        yield Up(stack=stack, sample=sample, rows=rows)
