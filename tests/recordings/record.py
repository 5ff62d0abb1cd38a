"""Record what an earlier version writes, by running that version on real servers.

git worktree add --detach EARLIER COMMIT && make -C EARLIER environment
python -m tests.recordings.record EARLIER COMMIT
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from local.run.start import running_servers, temporary_data_dir
from local.servers.postgres import postgres_programs

HERE = Path(__file__).resolve().parent
KINDS = ("kafka", "minio", "postgres")
FILES = ("answers.json.xz", "database.sql.xz", "log.jsonl.xz", "samples.jsonl.xz")


def record(earlier: Path, commit: str) -> None:
    with (
        temporary_data_dir() as data,
        running_servers(data, KINDS) as servers,
        TemporaryDirectory() as out,
    ):
        programs = Path(postgres_programs(os.environ))
        env = {**os.environ, **servers, "PYTHONPATH": str(earlier)}
        env["PG_DUMP"] = str(programs / "pg_dump")
        command = [str(earlier / ".venv/bin/python"), str(HERE / "session.py"), out]
        subprocess.run(command, cwd=earlier, env=env, check=True)
        kept = HERE / commit
        kept.mkdir(exist_ok=True)
        for name in FILES:
            shutil.copy(Path(out, name), kept / name)


if __name__ == "__main__":
    record(Path(sys.argv[1]).resolve(), sys.argv[2])
