"""A long history, drawn from a seed: imports of the same files, retries, replays and repeats."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from services.core import events as e
from services.core.wire import Record, encode

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
REASONS = ("not_found", "content_mismatch", "download_quota_exceeded")
IMPORTS = ("import-a", "import-b", "import-c")
REPLAYS = ("replay-a", "replay-b")


class History:
    """Draws `count` events; some come twice. `records` are as they are published."""

    def __init__(self, seed: int, count: int, files: int = 400) -> None:
        self._draw = random.Random(seed)
        self._files = [f"file-{seed}-{n:05}" for n in range(files)]
        self._now = BEGAN
        self.records = [encode(event, source="test") for event in self._events(count)]

    def _events(self, count: int) -> Iterator[e.Message]:
        for job in IMPORTS:
            yield e.ImportRequested(
                import_id=job, folder_id="root", folder_url="root", requested_at=self._later()
            )
        known: list[e.Message] = []
        for _ in range(count):
            if known and self._draw.random() < 0.1:
                yield self._draw.choice(known)
                continue
            known.append(self._event(self._draw.choice(IMPORTS)))
            yield known[-1]

    def _event(self, job: str) -> e.Message:
        kinds = (self._stored, self._failed, self._page, self._retry, self._folder_failed)
        chosen = self._draw.choices(kinds, (60, 20, 10, 2, 2))[0]
        if self._draw.random() < 0.01:
            return self._control(job)
        if self._draw.random() < 0.02:
            return self._draw.choice((self._replay, self._replayed))(self._draw.choice(REPLAYS))
        return chosen(job)

    def _later(self) -> datetime:
        self._now += timedelta(seconds=self._draw.randint(0, 3))
        return self._now

    def _folder(self) -> str:
        return self._draw.choice(["root", *(f"folder-{n}" for n in range(8))])

    def _found(self, job: str) -> e.FileFound:
        return e.FileFound(
            import_id=job,
            file_id=self._draw.choice(self._files),
            name=self._draw.choice(["a.jpg", "ä\t\\N.png", 'q"{,}.gif']),
            mime_type="image/jpeg",
            folder_id=self._folder(),
            path=self._draw.choice([(), ("Sub",), ("Sub", "é")]),
            found_at=self._later(),
            size=self._draw.choice([None, 5, 7]),
            version=self._draw.randint(0, 3),
            round=self._draw.randint(0, 3),
            replay_id=self._draw.choice([None, None, *REPLAYS]),
        )

    def _stored(self, job: str) -> e.FileStored:
        file = self._found(job)
        return e.FileStored(
            import_id=job,
            file=file,
            bucket="b",
            object_key=f"{file.folder_id}/{file.file_id}_v{file.version}",
            size=self._draw.randint(0, 9),
            stored_at=self._later(),
            unchanged=self._draw.random() < 0.2,
            sha256="a" * 64 if self._draw.random() < 0.5 else None,
        )

    def _failed(self, job: str) -> e.FileFailed:
        file = self._found(job)
        return e.FileFailed(
            import_id=job,
            file_id=file.file_id,
            file=file if self._draw.random() < 0.8 else None,
            round=file.round,
            reason=self._draw.choice(REASONS),
            message="No.",
            failed_at=self._later(),
        )

    def _page(self, job: str) -> e.PageListed:
        closes = self._draw.random() < 0.5
        names = self._draw.sample(self._files, 20)
        return e.PageListed(
            import_id=job,
            folder_id=self._folder(),
            pass_number=0,
            page_number=self._draw.randint(0, 5),
            listed_at=self._later(),
            last=closes,
            closes=closes,
            round=self._draw.randint(0, 2),
            opened=(e.FolderBrief(id=self._folder(), name="Sub"),),
            files=tuple(
                e.FileBrief(id=id, name=f"{id}.jpg", mime_type="image/jpeg", size=6)
                for id in names[:15]
            ),
            skipped=tuple(
                e.Skipped(id=id, name=id, mime_type="text/plain", reason="not_an_image")
                for id in names[15:]
            ),
        )

    def _retry(self, job: str) -> e.RetryRequested:
        return e.RetryRequested(
            import_id=job,
            round=self._draw.randint(1, 4),
            at=self._later(),
            files=tuple(self._draw.sample(self._files, 10)),
            folders=(self._folder(),),
        )

    def _folder_failed(self, job: str) -> e.FolderFailed:
        return e.FolderFailed(
            import_id=job,
            folder_id=self._folder(),
            reason="not_found",
            message="No.",
            failed_at=self._later(),
            round=self._draw.randint(0, 2),
        )

    def _replay(self, id: str) -> e.ReplayRequested:
        return e.ReplayRequested(
            import_id=id,
            name=f"of {id}",
            why="",
            at=self._later(),
            round=self._draw.randint(1, 4),
            select=e.Selection(reasons=REASONS),
            scope=e.ReplayScope.FAILED,
            ends=(e.LogEnd(topic="files.found", partition=0, offset=9),),
        )

    def _replayed(self, id: str) -> e.LogPartReplayed:
        files = [
            e.ReplayedFile(import_id=self._draw.choice(IMPORTS), file_id=file)
            for file in self._draw.sample(self._files, 20)
        ]
        return e.LogPartReplayed(
            import_id=id,
            partition=0,
            offset=self._draw.randint(0, 9),
            end=9,
            replayed_at=self._later(),
            last=self._draw.random() < 0.5,
            files=tuple(files[:18]),
            cancelled=tuple(files[18:]),
        )

    def _control(self, job: str) -> e.Control:
        kinds = (e.ImportPaused, e.ImportResumed, e.ImportStalled, e.ImportCancelled)
        id = self._draw.choice((job, *REPLAYS))
        return self._draw.choice(kinds)(
            import_id=id, epoch=self._draw.randint(1, 9), at=self._later()
        )


def undecodable(topic: str, key: bytes) -> Record:
    """A record that nobody can ever read."""
    return Record(topic=topic, key=key, value=b"{")
