"""`verify` and `prune` as an operator runs them: on a real bucket, database and broker."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from local.paths import CHECKOUT
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.core.settings import Reader
from tests.catalog_rows import an_import
from tests.contract.test_pointers import a_file
from tests.fakes.transferring import BODY, sums
from tests.platform import Platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
KEYS = [f"file-{n}_0123456789ab_Picture {n}.jpg" for n in range(5)]
OURS, ANOTHERS = "import-1", "import-of-another-database"


def fill(platform: Platform) -> None:
    """Five objects with rows, two of ours without, and one of another database."""
    reader = Reader(platform.env)
    store = ObjectStore(StoreSettings.read(reader))

    async def put() -> None:
        for key in [*KEYS, "orphan-1", "orphan-2"]:
            await store.put(key, BODY, content_type="image/jpeg", stored_by=OURS)
        await store.put("theirs", b"abc", content_type="image/jpeg", stored_by=ANOTHERS)
        await store.put("thumbnails.v1/160/orphan-1", b"abc", content_type="image/webp")
        await store.put(f"thumbnails.v1/160/{KEYS[0]}", b"abc", content_type="image/webp")

    asyncio.run(put())
    said = {"stored_size": len(BODY), **sums(BODY, "md5", "sha256")}
    files = [a_file(OURS, key, **said) for key in KEYS]
    with closing(CatalogWriter(DatabaseSettings.read(reader))) as writer:
        imports = {OURS: an_import(1, id=OURS, state="completed")}
        rows = {(row.import_id, row.file_id): row for row in files}
        writer.save(Rows(), Rows(imports=imports, files=rows), {})


def command(platform: Platform, *argv: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code, and what it says on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "local", *argv, "--json"],
        env=environment(platform),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def environment(platform: Platform) -> Mapping[str, str]:
    nowhere = {"DATA_DIR": "/nonexistent"}
    return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **nowhere, **platform.env}


def keys_in(platform: Platform) -> Sequence[str]:
    found = platform.minio().list_objects(platform.env["S3_BUCKET"], recursive=True)
    return sorted(each.object_name or "" for each in found)


def test_an_operator_finds_what_is_wrong_and_removes_what_no_row_points_to(
    platform: Platform,
) -> None:
    fill(platform)
    client, bucket = platform.minio(), platform.env["S3_BUCKET"]
    code, [result] = command(platform, "verify")
    assert (code, result["state"], result["compared"], result["not_judged"]) == (0, "done", 5, 3)

    client.remove_object(bucket, KEYS[1])
    flipped = BODY[:-1] + bytes([BODY[-1] ^ 1])
    asyncio.run(
        ObjectStore(StoreSettings.read(Reader(platform.env))).put(
            KEYS[3], flipped, content_type="image/jpeg"
        )
    )
    code, [missing, different, result] = command(platform, "verify", "--deep", "--import", OURS)
    assert (code, missing["kind"], missing["key"]) == (1, "missing", KEYS[1])
    assert (different["kind"], different["key"]) == ("different", KEYS[3])
    assert "SHA-256" in different["says"]
    assert result["read_bytes"] == 4 * len(BODY)

    before = keys_in(platform)
    code, [plan] = pruned(platform, "--older-than=0")
    assert (code, plan["objects"], plan["others"]) == (0, 3, 1)
    assert keys_in(platform) == before
    code, [result] = command(platform, "prune", "--yes", plan["plan_id"])
    assert (code, result["deleted"], result["bytes"]) == (0, 3, 2 * len(BODY) + 3)
    gone = {"orphan-1", "orphan-2", "thumbnails.v1/160/orphan-1"}
    assert {*before} - {*keys_in(platform)} == gone


def pruned(platform: Platform, *argv: str) -> tuple[int, list[dict[str, Any]]]:
    """The module itself: to the command, nothing is old enough that is younger than an hour."""
    done = subprocess.run(
        [sys.executable, "-m", "services.verifying.prune", *argv, "--json"],
        env=environment(platform),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_nothing_is_planned_while_an_import_runs_or_the_log_is_not_read(
    platform: Platform,
) -> None:
    fill(platform)
    settings = DatabaseSettings.read(Reader(platform.env))
    with closing(CatalogWriter(settings)) as writer:
        running = an_import(2, id="import-2", state="paused")
        writer.save(Rows(), Rows(imports={"import-2": running}), {})
    code, [refused] = command(platform, "prune")
    assert (code, refused["code"]) == (1, "imports_running")
    assert "import-2 (paused)" in refused["error"]


def test_a_deep_comparison_that_is_stopped_says_how_to_go_on(platform: Platform) -> None:
    fill(platform)
    child = subprocess.Popen(
        [sys.executable, "-c", STOPPED_EARLY],
        env=environment(platform),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    (said,) = [json.loads(line) for line in out.splitlines()]
    assert said["state"] == "stopped"
    assert said["message"] == f"Stopped. To continue: drivestream verify --deep '--after={KEYS[1]}'"


STOPPED_EARLY = f"""
import os, signal, sys
from services.verifying import __main__, verification
verification.BATCH = 2
told = __main__._Shown.progress
def stop(shown, progress):
    told(shown, progress)
    os.kill(os.getpid(), {int(signal.SIGTERM)})
__main__._Shown.progress = stop
sys.exit(__main__.main(["--deep", "--json"], os.environ))
"""
