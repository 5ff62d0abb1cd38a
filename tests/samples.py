"""One full sample of every event: the golden files and the schema tests are made from these."""

from datetime import UTC, datetime

from services.core import events as e

JOB = "0b6f7a3e-6c52-4a0e-9a55-1f8f4a1f9d10"
AT = datetime(2026, 11, 23, 12, 30, 0, 250000, tzinfo=UTC)
FOLDER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
SUBFOLDER = "1SubFolderSubFolderSubFolderSub00"
FILE = "1FileFileFileFileFileFileFileFile"

FOUND = e.FileFound(
    import_id=JOB,
    file_id=FILE,
    name="Grüße 🌄.jpg",
    mime_type="image/jpeg",
    folder_id=SUBFOLDER,
    found_at=AT,
    path=("Holidays",),
    size=123_456,
    md5="9e107d9d372bb6826bd81d3542a419d6",
    sha1="2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    sha256="d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592",
    version=17,
    created_time=AT,
    modified_time=AT,
    width=4000,
    height=3000,
    resource_key="0-abc",
    mode=e.Mode.CHECK,
    round=2,
    epoch=1,
    replay_id="replay-1",
)

REPLAY = e.ReplayRequested(
    import_id="replay-7d1c",
    name="After the outage of 23 November",
    why="The store refused uploads for an hour.",
    by="ops",
    at=AT,
    round=4,
    select=e.Selection(imports=(JOB,), outcomes=("failed",), reasons=("store_refused",), since=AT),
    scope=e.ReplayScope.FAILED,
    ends=(e.LogEnd(topic="files.found", partition=3, offset=1200),),
    files=14,
    bytes=1_728_384,
    files_per_second=10,
)
PLACE = e.Place(topic="files.found", partition=3, offset=1041)
TRIES = (
    e.Attempt(system="drive", at=AT, seconds=0.12, answer="drive_unavailable"),
    e.Attempt(system="drive", at=AT, seconds=0.08, answer="ok"),
    e.Attempt(system="store", at=AT, seconds=0.05, answer="ok"),
)

SAMPLES: dict[str, e.Message] = {
    "ImportRequested": e.ImportRequested(
        import_id=JOB,
        folder_id=FOLDER,
        folder_url=f"https://drive.google.com/drive/folders/{FOLDER}?resourcekey=0-abc",
        requested_at=AT,
        resource_key="0-abc",
        by="ops",
    ),
    "ImportPaused": e.ImportPaused(import_id=JOB, epoch=1, at=AT, by="ops"),
    "ImportResumed": e.ImportResumed(import_id=JOB, epoch=2, at=AT, by="ops"),
    "ImportCancelled": e.ImportCancelled(import_id=JOB, epoch=3, at=AT, by="ops"),
    "ImportStalled": e.ImportStalled(import_id=JOB, epoch=4, at=AT, folders=(SUBFOLDER,)),
    "RetryRequested": e.RetryRequested(
        import_id=JOB,
        epoch=2,
        at=AT,
        by="ops",
        round=3,
        part=1,
        last=True,
        files=(FILE,),
        folders=(SUBFOLDER,),
    ),
    "ReplayRequested": REPLAY,
    "ReplayRateChanged": e.ReplayRateChanged(
        import_id=REPLAY.import_id, at=AT, by="ops", files_per_second=20
    ),
    "ReplayFailed": e.ReplayFailed(
        import_id=REPLAY.import_id,
        epoch=2,
        at=AT,
        reason="worker_died",
        message="The worker process died each time it worked on this item.",
    ),
    "LogPartRequested": e.LogPartRequested(
        import_id=REPLAY.import_id,
        partition=3,
        why="replay",
        ends=REPLAY.ends,
        since=AT,
        round=4,
        replay=REPLAY,
    ),
    "LogPartReplayed": e.LogPartReplayed(
        import_id=REPLAY.import_id,
        partition=3,
        offset=900,
        end=1200,
        replayed_at=AT,
        read_at=AT,
        files=(e.ReplayedFile(import_id=JOB, file_id=FILE),),
        cancelled=(e.ReplayedFile(import_id="import-cancelled", file_id=FILE),),
    ),
    "PageRequested": e.PageRequested(
        import_id=JOB,
        folder_id=SUBFOLDER,
        pass_number=1,
        page_number=3,
        confirms=True,
        seen=e.ListingDigest(count=2991, digest=7_612_058_254_738_945_263),
        tail=("1679091c5a880faf",),
        before=e.ListingDigest(count=3012, digest=2**63 - 1),
        tokens=("8f14e45fceea167a",),
        token="~!!~token",
        resource_key="0-abc",
        path=("Holidays",),
        ancestors=(FOLDER,),
    ),
    "PageListed": e.PageListed(
        import_id=JOB,
        folder_id=FOLDER,
        pass_number=0,
        page_number=0,
        listed_at=AT,
        last=True,
        closes=True,
        entries=3,
        opened=(e.FolderBrief(id=SUBFOLDER, name="Holidays", resource_key="0-abc"),),
        skipped=(
            e.Skipped(
                id="1Doc000000000000000000000000000001",
                name="Notes",
                mime_type="application/vnd.google-apps.document",
                reason="google_document",
            ),
        ),
        files=(e.FileBrief(id=FILE, name="Grüße 🌄.jpg", mime_type="image/jpeg", size=123_456),),
    ),
    "FolderFailed": e.FolderFailed(
        import_id=JOB,
        folder_id=SUBFOLDER,
        reason="not_found",
        message="This folder does not exist, or is not shared.",
        failed_at=AT,
        path=("Holidays",),
    ),
    "FileFound": FOUND,
    "FileStored": e.FileStored(
        import_id=JOB,
        epoch=1,
        file=FOUND,
        bucket="drivestream",
        object_key=f"{SUBFOLDER}/{FILE}_9e107d9d372b_Grüße 🌄.jpg",
        size=123_456,
        stored_at=AT,
        md5=FOUND.md5,
        sha256=FOUND.sha256,
        attempts=2,
        seconds=0.25,
        tries=TRIES,
        found_in=PLACE,
    ),
    "FolderNamed": e.FolderNamed(
        import_id=JOB, epoch=1, folder_id=FOLDER, name="Summer in Tirol", named_at=AT
    ),
    "FileFailed": e.FileFailed(
        import_id=JOB,
        epoch=1,
        file_id=FILE,
        file=FOUND,
        round=2,
        reason="content_mismatch",
        message="The bytes are not the ones that Drive's checksum promises.",
        failed_at=AT,
        attempts=3,
        tries=TRIES[:1],
        found_in=PLACE,
    ),
    "WorkerStatus": e.WorkerStatus(
        worker_id="transfer-1",
        service="transfer",
        state="waiting",
        at=AT,
        waiting_for=e.Waiting(reason="no_bucket", message="There is no bucket.", until=AT),
        in_flight=32,
        oldest_unfinished_seconds=1.25,
        quota_share=0.44,
        limited_by=e.Waiting(
            reason="store_line", message="The line to the store carries 1.2 MB/s."
        ),
    ),
    "WindowCounted": e.WindowCounted(
        import_id=None,
        start=datetime(2026, 11, 23, 12, 30, tzinfo=UTC),
        seconds=10,
        as_of=AT,
        found=31,
        stored=24,
        unchanged=2,
        failed=3,
        bytes=2_962_944,
        failures={"content_mismatch": 1, "not_found": 2},
        oldest_unfinished_at=AT,
    ),
    "ProgressStopped": e.ProgressStopped(import_id=JOB, since=AT, at=AT, oldest=PLACE),
}
