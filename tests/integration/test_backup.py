"""The commands of docs/operations.md that back up and restore, as they stand there."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from local.servers.postgres import postgres_programs
from tests.documents import DOCS, blocks
from tests.integration.test_verify_and_prune import KEYS, OURS, command, fill, keys_in
from tests.platform import Platform, emptied

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
RCLONE = pytest.mark.skipif(
    shutil.which("rclone") is None and not os.environ.get("REQUIRE_RCLONE"),
    reason="rclone is not installed",
)


@pytest.fixture
def platform(servers: Mapping[str, str]) -> Iterator[Platform]:
    with emptied(servers) as platform:
        fill(platform)
        yield platform


def run(start: str, folder: Path, env: Mapping[str, str]) -> None:
    """The commands of the block that begins so, without those of `drivestream`."""
    [block] = [b for b in blocks(DOCS / "operations.md") if b.begins.startswith(start)]
    lines = [line for line in block.text.splitlines() if "drivestream " not in line]
    script = ["bash", "-eu", "-c", "\n".join(lines)]
    done = subprocess.run(
        script, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_postgresql_is_restored_from_a_dump(platform: Platform, tmp_path: Path) -> None:
    programs = f"{postgres_programs(os.environ)}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": programs, "DATABASE_URL": platform.env["DATABASE_URL"]}
    run("pg_dump ", tmp_path, env)
    with platform.database() as database:
        database.execute("DROP TABLE replays")
        database.execute("DELETE FROM import_files")
    run("pg_restore ", tmp_path, env)
    code, [result] = command(platform, "verify")
    assert (code, result["state"], result["not_judged"]) == (0, "done", 3)  # those without rows
    with platform.database() as database:
        assert database.execute("SELECT count(*) FROM import_files").fetchone() == (len(KEYS),)
        assert database.execute("SELECT count(*) FROM replays").fetchone() == (0,)


@RCLONE
def test_the_bucket_is_restored_from_another_one(platform: Platform, tmp_path: Path) -> None:
    bucket, other = platform.env["S3_BUCKET"], f"backup-{uuid4().hex[:12]}"
    client = platform.minio()
    client.make_bucket(other)
    env = {**rclone(platform), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    env |= {"S3_BUCKET": bucket, "BACKUP_BUCKET": other}
    before = keys_in(platform)
    run("rclone sync --metadata", tmp_path, env)
    try:
        for key in before:
            client.remove_object(bucket, key)
        run("rclone copy --metadata", tmp_path, env)
        assert keys_in(platform) == before
        code, [result] = command(platform, "verify", "--deep")
        assert (code, result["state"], result["compared"]) == (0, "done", len(KEYS))
        restored = client.stat_object(bucket, KEYS[0])
        assert restored.metadata is not None
        assert restored.metadata["x-amz-meta-drivestream-stored-by"] == OURS
        assert restored.content_type == "image/jpeg"
    finally:
        for key in before:
            client.remove_object(other, key)
        client.remove_bucket(other)


def rclone(platform: Platform) -> Mapping[str, str]:
    """Both remotes, as `rclone config` would write them."""
    remote = {
        "TYPE": "s3",
        "PROVIDER": "Minio",
        "ENDPOINT": platform.env["S3_ENDPOINT_URL"],
        "ACCESS_KEY_ID": platform.env["AWS_ACCESS_KEY_ID"],
        "SECRET_ACCESS_KEY": platform.env["AWS_SECRET_ACCESS_KEY"],
    }
    return {
        f"RCLONE_CONFIG_{name}_{key}": value
        for name in ("STORE", "BACKUP")
        for key, value in remote.items()
    }
