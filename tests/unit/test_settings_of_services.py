"""What each service and each command says of settings that it cannot use: one table.

It ends at once with exit code 2, before it asks any server, and says each fault in one line.
"""

import asyncio
import importlib
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.adapters.process import run_service
from services.core.settings import Reader, SettingsError, read_settings
from services.setup.__main__ import provisioners

SECRET = "hush-hush"
MINIO = {
    "S3_ENDPOINT_URL": "http://store:9000",
    "AWS_ACCESS_KEY_ID": "me",
    "AWS_SECRET_ACCESS_KEY": SECRET,
}
KAFKA_LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_USERNAME": "fleet",
    "KAFKA_PASSWORD": SECRET,
}
WEBHOOKS = {
    "WEBHOOK_URLS": "https://hooks.test/",
    "WEBHOOK_SECRET": f"whsec_{b64encode(bytes(range(32))).decode()}",
}
GOOD = {
    "DATABASE_URL": f"postgresql://me:{SECRET}@database/images",
    "GOOGLE_API_KEY": SECRET,
    **MINIO,
    **KAFKA_LOGIN,
    **WEBHOOKS,
}
SERVICES = ("api", "lister", "transfer", "indexer", "monitor", "webhooks")
COMMANDS = ("setup", "verifying", "verifying.prune", "indexer.rebuild")
READS: Mapping[str, tuple[str, ...]] = {
    "kafka": (*SERVICES, "setup", "verifying.prune", "indexer.rebuild"),
    "database": ("api", "indexer", *COMMANDS),
    "store": ("api", "transfer", "setup", "verifying", "verifying.prune"),
    "drive": ("api", "lister", "transfer"),
    "metrics": ("lister", "transfer", "indexer", "monitor", "webhooks"),
    "webhooks": ("webhooks",),
    "api": ("api",),
    "transfer": ("transfer",),
}
"""Who reads each group of settings. All others must start without it."""
FAULTS: tuple[tuple[str, Mapping[str, str], str], ...] = (
    # Left out, as an overlay of Kubernetes leaves out a Secret.
    ("database", {"DATABASE_URL": ""}, "DATABASE_URL is not set."),
    ("store", {"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is not set."),
    ("store", {"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY is not set."),
    ("kafka", {"KAFKA_PASSWORD": ""}, "KAFKA_PASSWORD"),
    ("kafka", {"KAFKA_USERNAME": ""}, "KAFKA_USERNAME"),
    ("webhooks", {"WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET must be set if WEBHOOK_URLS is"),
    # Malformed.
    ("database", {"DATABASE_URL": f"{SECRET}@database"}, "DATABASE_URL must look like postgresql:"),
    ("database", {"DATABASE_URL": f"mysql://me:{SECRET}@db/x"}, "DATABASE_URL must look like"),
    ("store", {"S3_ENDPOINT_URL": "store:9000"}, "S3_ENDPOINT_URL must be a URL such as"),
    ("store", {"S3_BUCKET": "My Bucket"}, "S3_BUCKET must be the name of a bucket"),
    ("kafka", {"KAFKA_BOOTSTRAP_SERVERS": "http://k"}, "KAFKA_BOOTSTRAP_SERVERS"),
    ("kafka", {"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL"),
    ("drive", {"DRIVE_API_URL": "drive"}, "DRIVE_API_URL must be a URL such as"),
    ("metrics", {"METRICS_PORT": "many"}, "METRICS_PORT must be a whole number from 0 to 65535."),
    ("api", {"PORT": "0x10"}, "PORT must be a whole number"),
    ("transfer", {"TRANSFER_MEMORY_MB": "1GB"}, "TRANSFER_MEMORY_MB must be a whole number"),
    # Files that are not there, as a volume that was not mounted.
    ("store", {"S3_CA_FILE": "/nowhere/ca.pem"}, "S3_CA_FILE names a file that cannot be read"),
    ("kafka", {"KAFKA_CA_FILE": "/nowhere/ca.pem"}, "KAFKA_CA_FILE names a file that cannot be"),
    (
        "drive",
        {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"},
        "GOOGLE_APPLICATION_CREDENTIALS names a file that cannot be read: No such file",
    ),
    (
        "database",
        {"DATABASE_URL": f"{GOOD['DATABASE_URL']}?sslmode=verify-full&sslrootcert=/nowhere"},
        "DATABASE_URL has an sslrootcert that is no readable file",
    ),
)


async def never(_settings: object, _stop: asyncio.Event) -> None:
    raise AssertionError("it started")


def settings_of(service: str) -> Callable[[Reader], Any]:
    module = importlib.import_module(f"services.{service}.__main__")
    group = getattr(module, "Settings", None) or module.WorkerSettings
    read: Callable[[Reader], Any] = group.read
    return read


def ended(name: str, env: Mapping[str, str]) -> int:
    if name in SERVICES:
        return run_service(name, env, settings_of(name), never)
    if name == "setup":
        return int(importlib.import_module("services.setup.__main__").main(env, provisioners))
    at = {"verifying": "services.verifying.__main__"}.get(name, f"services.{name}")
    return int(importlib.import_module(at).main([], env))


def reads(name: str, group: str) -> bool:
    return name in READS[group]


CELLS = [
    pytest.param(name, {**GOOD, **change}, words, id=f"{name}: {words[:40]}")
    for name in (*SERVICES, *COMMANDS)
    for group, change, words in FAULTS
    if reads(name, group)
]


@pytest.mark.parametrize(("name", "env", "words"), CELLS)
def test_a_setting_that_is_missing_or_malformed_ends_a_service_with_2_and_one_sentence(
    name: str, env: Mapping[str, str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ended(name, env) == 2
    said = "".join(capfd.readouterr())
    assert said.count(words) == 1
    assert SECRET not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    ("group", "change"), [pytest.param(group, change, id=words) for group, change, words in FAULTS]
)
def test_what_a_service_does_not_read_cannot_keep_it_from_starting(
    name: str, group: str, change: Mapping[str, str]
) -> None:
    """So in Kubernetes each one is given only the Secrets that it needs."""
    env = {**GOOD, **change}
    if not reads(name, group):
        read_settings(env, settings_of(name))
        return
    with pytest.raises(SettingsError):
        read_settings(env, settings_of(name))


def test_all_faults_are_said_together(capfd: pytest.CaptureFixture[str]) -> None:
    env = {**GOOD, "DATABASE_URL": "", "METRICS_PORT": "x", "KAFKA_PASSWORD": ""}
    assert ended("indexer", env) == 2
    said = "".join(capfd.readouterr())
    assert said.count("settings.refused") == 3
    assert said.count("docs/settings.md") == 3


def test_a_key_file_that_is_not_one_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps([SECRET]))
    assert ended("lister", {**GOOD, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}) == 2
    assert "is not a JSON object" in "".join(capfd.readouterr())
