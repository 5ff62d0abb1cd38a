"""Histories of an import or two, as Hypothesis draws them: small worlds with many collisions."""

from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement

from hypothesis import strategies as st

from services.core import events as e
from services.indexer.record import LogRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
IMPORTS = st.sampled_from(["import-a", "import-b"])
REPLAYS = st.sampled_from(["replay-a", "replay-b"])
FILES = st.sampled_from([f"file-{n}" for n in range(4)])
FOLDERS = st.sampled_from(["root", "sub-1", "sub-2"])
TIMES = st.integers(0, 5).map(lambda n: START + timedelta(seconds=n))
NAMES = st.sampled_from(["a.jpg", "ä/b.png", "odd\n\t\\N\x01.gif"])
PATHS = st.sampled_from([(), ("Sub",), ('a"b\\c,{d}', "", "NULL", " é ")])
FEW = st.integers(0, 2)
REASONS = st.sampled_from(["not_found", "content_mismatch"])
SIZES = st.one_of(st.none(), st.integers(0, 3))


@st.composite
def found(draw: st.DrawFn) -> e.FileFound:
    """A file as listed, in one of a few versions."""
    return e.FileFound(
        import_id=draw(IMPORTS),
        file_id=draw(FILES),
        name=draw(NAMES),
        mime_type=draw(st.sampled_from(["image/jpeg", "image/png"])),
        folder_id=draw(FOLDERS),
        found_at=draw(TIMES),
        path=draw(PATHS),
        size=draw(SIZES),
        version=draw(FEW),
        modified_time=draw(st.none() | TIMES),
        width=draw(st.none() | FEW),
        height=draw(st.none() | FEW),
        round=draw(FEW),
        replay_id=draw(st.none() | REPLAYS),
    )


@st.composite
def stored(draw: st.DrawFn) -> e.FileStored:
    """A success, fetched or found in place."""
    file = draw(found())
    return e.FileStored(
        file=file,
        import_id=file.import_id,
        bucket="b",
        object_key=f"{file.folder_id}/{file.file_id}_v{file.version}_{file.name}",
        size=draw(st.integers(0, 3)),
        stored_at=draw(TIMES),
        sha256=draw(st.sampled_from([None, "0" * 64])),
        content_type=draw(st.sampled_from([None, "image/jpeg", "image/png"])),
        unchanged=draw(st.booleans()),
    )


@st.composite
def failed(draw: st.DrawFn) -> e.FileFailed:
    """A failure, sometimes of a file that could not even be decoded."""
    file = draw(st.one_of(st.none(), found()))
    return e.FileFailed(
        import_id=file.import_id if file else draw(IMPORTS),
        file_id=file.file_id if file else draw(FILES),
        file=file,
        round=file.round if file else draw(FEW),
        reason=draw(REASONS),
        message="No.",
        failed_at=draw(TIMES),
    )


@st.composite
def listed(draw: st.DrawFn) -> e.PageListed:
    """A manifest, last and closing or not; one that confirms names nothing."""
    briefs = st.builds(
        e.FileBrief, id=FILES, name=NAMES, mime_type=st.just("image/png"), size=SIZES
    )
    skips = st.builds(
        e.Skipped,
        id=FILES,
        name=NAMES,
        mime_type=st.just("text/plain"),
        reason=st.sampled_from(["not_an_image", "google_document"]),
        size=SIZES,
    )
    opened = st.builds(e.FolderBrief, id=FOLDERS, name=st.sampled_from(["Sub", "Other"]))
    closes, confirms = draw(st.booleans()), draw(st.booleans())
    most = 0 if confirms else 3
    return e.PageListed(
        import_id=draw(IMPORTS),
        folder_id=draw(FOLDERS),
        pass_number=draw(FEW),
        page_number=draw(FEW),
        listed_at=draw(TIMES),
        path=draw(PATHS),
        last=closes or draw(st.booleans()),
        closes=closes,
        round=draw(FEW),
        confirms=confirms,
        entries=draw(FEW),
        files=tuple(draw(st.lists(briefs, max_size=most))),
        skipped=tuple(draw(st.lists(skips, max_size=min(most, 2)))),
        opened=tuple(draw(st.lists(opened, max_size=min(most, 2)))),
    )


REQUESTED = st.builds(
    e.ImportRequested,
    import_id=IMPORTS,
    folder_id=st.just("root"),
    folder_url=st.sampled_from(["https://drive.google.com/drive/folders/root", "root"]),
    requested_at=TIMES,
)
CONTROLS = st.one_of(
    *(
        st.builds(kind, import_id=IMPORTS | REPLAYS, epoch=FEW, at=TIMES)
        for kind in (e.ImportPaused, e.ImportResumed, e.ImportCancelled, e.ImportStalled)
    )
)
FOLDER_FAILED = st.builds(
    e.FolderFailed,
    import_id=IMPORTS,
    folder_id=FOLDERS,
    reason=REASONS,
    message=st.sampled_from(["No.", "Not now."]),
    failed_at=TIMES,
    path=PATHS,
    round=FEW,
)
RETRIES = st.builds(
    e.RetryRequested,
    import_id=IMPORTS,
    round=FEW,
    at=TIMES,
    files=st.lists(FILES, max_size=2).map(tuple),
    folders=st.lists(FOLDERS, max_size=2).map(tuple),
)
FOLDER_NAMED = st.builds(
    e.FolderNamed,
    import_id=IMPORTS,
    folder_id=st.just("root"),
    name=st.sampled_from(["", "Summer", "Winter"]),
    named_at=TIMES,
)
REPLAY_REQUESTED = st.builds(
    e.ReplayRequested,
    import_id=REPLAYS,
    name=NAMES,
    why=st.just("Why not."),
    at=TIMES,
    round=FEW,
    select=st.builds(e.Selection, imports=st.lists(IMPORTS, max_size=2).map(tuple)),
    scope=st.sampled_from(e.ReplayScope),
    ends=st.just((e.LogEnd(topic="files.found", partition=0, offset=9),)),
    files_per_second=st.none() | FEW,
)
RATE_CHANGED = st.builds(
    e.ReplayRateChanged, import_id=REPLAYS, at=TIMES, files_per_second=st.none() | FEW
)
REPLAY_FAILED = st.builds(
    e.ReplayFailed, import_id=REPLAYS, epoch=FEW, at=TIMES, reason=REASONS, message=NAMES
)
REPLAYED_FILES = st.lists(
    st.builds(e.ReplayedFile, import_id=IMPORTS, file_id=FILES), max_size=3
).map(tuple)
PART_REPLAYED = st.builds(
    e.LogPartReplayed,
    import_id=REPLAYS,
    partition=FEW,
    offset=FEW,
    end=st.just(9),
    replayed_at=TIMES,
    read_at=st.none() | TIMES,
    last=st.booleans(),
    files=REPLAYED_FILES,
    cancelled=REPLAYED_FILES,
    redriven=FEW,
)
OF_REPLAYS = (REPLAY_REQUESTED, RATE_CHANGED, PART_REPLAYED, REPLAY_FAILED)
OUTCOMES = (stored(), failed())
KINDS = (REQUESTED, FOLDER_NAMED, CONTROLS, RETRIES, listed(), FOLDER_FAILED, *OUTCOMES)


@st.composite
def histories(draw: st.DrawFn) -> list[LogRecord]:
    """Events in the order of their log; each has its own place in it.

    Of all kinds, of those of replays, or of two only: few kinds collide more often.
    """
    of_replays = (*OF_REPLAYS, CONTROLS, *OUTCOMES)
    few = combinations_with_replacement((*KINDS, *OF_REPLAYS), 2)
    kinds = draw(st.sampled_from([(*KINDS, *OF_REPLAYS), of_replays, *few]))
    events = draw(st.lists(st.one_of(*kinds), max_size=14))
    return [LogRecord(event, event.topic, 0, n) for n, event in enumerate(events)]
