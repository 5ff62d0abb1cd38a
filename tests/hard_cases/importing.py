"""Import a tree from the emulator, and read what a user would read of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drive_emulator.testing import RunningEmulator
from tests.hard_cases import hopeless
from tests.system import System, link

LIMIT_SECONDS = 120
Json = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """An import that ended: the API's answer, and its files by name."""

    row: Mapping[str, Any]
    files: Mapping[str, Json]

    @property
    def state(self) -> str:
        return str(self.row["state"])

    @property
    def counts(self) -> tuple[int, int, int]:
        """found, stored, failed."""
        return int(self.row["found"]), int(self.row["stored"]), int(self.row["failed"])

    @property
    def fates(self) -> dict[str, str]:
        """By name: the state, or the reason of what failed or was skipped."""
        return {name: str(file["reason"] or file["state"]) for name, file in self.files.items()}

    def folders(self) -> dict[str, str]:
        """The folders that failed: their paths, and the reasons."""
        return {str(each["path"]): str(each["reason"]) for each in self.row["failed_folders"]}


@dataclass
class Importer:
    """Plants trees, imports them, and looks into bucket and report."""

    system: System
    hopeless: str  # an import that was begun before the first case, see `hopeless.py`
    _trees: int = field(default=0)

    @property
    def drive(self) -> RunningEmulator:
        return self.system.drive

    def plant(self, *items: Mapping[str, Any]) -> str:
        """A new tree, written item by item, everything in it painted; its name."""
        return self._add({"items": list(items)})

    def grow(self, pictures: int, **more: Any) -> str:
        """A new tree of so many small pictures; its name."""
        return self._add({"pictures": pictures, "size": 4_096, **more})

    def _add(self, spec: Json) -> str:
        self._trees += 1
        name = f"case-{self._trees}"
        self.drive.add_tree({"name": name, **spec}, render=True)
        return name

    def start(self, tree: str, resource_key: str | None = None) -> str:
        """Begin to import a tree; the import's id."""
        key = f"?resourcekey={resource_key}" if resource_key else ""
        return self.system.post_import(link(self.drive.folder_id(tree)) + key)

    def report(self, job: str, limit: float = LIMIT_SECONDS) -> Report:
        """Wait for its end. The equation must hold of every import, so it is checked here."""
        row = self.system.wait_import(job, limit)
        files: list[Json] = []
        for state in ("pending", "stored", "unchanged", "failed", "skipped"):
            files += self.system.get(f"/imports/{job}/files?state={state}&limit=1000")
        parts = ("stored", "unchanged", "failed", "pending")
        assert row["found"] == sum(row[part] for part in parts), row
        assert row["pending"] == 0, row
        return Report(row, {str(file["name"]): file for file in files})

    def run(self, tree: str, resource_key: str | None = None) -> Report:
        """An import from its start to its end."""
        return self.report(self.start(tree, resource_key))

    def objects(self, report: Report) -> dict[str, str]:
        """By name: the md5 of the object that the report says is in the bucket."""
        client, bucket = self.system.platform.minio(), self.system.platform.env["S3_BUCKET"]
        found = {}
        for name, file in report.files.items():
            if file["state"] in ("stored", "unchanged"):
                answer = client.get_object(bucket, file["object_key"])
                found[name] = hashlib.md5(answer.read()).hexdigest()
                answer.close()
                answer.release_conn()
        return found

    def md5s(self, tree: str) -> dict[str, str]:
        """By name: what Drive says the bytes are, of every file of a tree that can be fetched."""
        return {str(file["name"]): str(file["md5Checksum"]) for file in self.drive.files(tree)}

    def keys(self, tree: str) -> list[str]:
        """Every object that is made of a file of the tree."""
        client, bucket = self.system.platform.minio(), self.system.platform.env["S3_BUCKET"]
        files = tuple(f"{file['id']}_" for file in self.drive.files(tree))
        names = (str(o.object_name) for o in client.list_objects(bucket, recursive=True))
        return [name for name in names if name.startswith(files)]

    def asked(self, kind: str, *, of: str = "") -> list[Json]:
        """Requests of a kind that the emulator saw, of one id if it is given."""
        others = set(self.drive.refs(hopeless.NAME).values())
        lines = [e for e in self.drive.log(kind) if not _about(e, others)]
        return [line for line in lines if of in str(line["path"]) + str(line["params"])]


def _about(line: Json, ids: set[str]) -> bool:
    asked = str(line["path"]) + str(line["params"].get("q", ""))
    return any(each in asked for each in ids)
