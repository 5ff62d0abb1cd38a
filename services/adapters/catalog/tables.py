"""The tables. Rows are folds of events (`services/indexer`), so each row also keeps what its next
merge needs to be compared with. All times come from events.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
Time = DateTime(timezone=True)

images = Table(
    "images",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("google_drive_id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("storage_path", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("folder_id", Text, nullable=False),
    Column("path", ARRAY(Text), nullable=False),
    Column("md5", Text),
    Column("sha256", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("modified_at", Time),
    Column("metadata_at", Time, nullable=False),  # when Drive gave name, type, place, pixels
    Column("drive_version", BigInteger, nullable=False),
    Column("fetched", Boolean, nullable=False),  # the bytes were fetched, not found in place
    Column("updated_at", Time, nullable=False),
    Index("images_folder", "folder_id", "id"),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("folder_id", Text),
    Column("folder_url", Text),
    Column("folder_name", Text),
    Column("folder_named_at", Time),
    Column("requested_at", Time),
    Column("epoch", Integer, nullable=False),
    Column("control", Text),  # the newest control event's kind: paused, resumed, cancelled, …
    Column("found", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("skipped", JSONB, nullable=False),  # {reason: distinct files}
    Column("failures", JSONB, nullable=False),  # {reason: distinct files}
    Column("found_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("folders_found", BigInteger, nullable=False),
    Column("folders_listed", BigInteger, nullable=False),
    Column("folders_failed", BigInteger, nullable=False),
    Column("message", Text),
    Column("first_stored_at", Time),
    Column("last_event_at", Time),
    Column("finished_at", Time),
    Index("imports_newest", "requested_at", "id"),
)

import_folders = Table(
    "import_folders",
    metadata,
    Column("import_id", Text, primary_key=True),
    Column("folder_id", Text, primary_key=True),
    Column("path", ARRAY(Text), nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("reason", Text),
    Column("message", Text),
    Column("failed_at", Time),
)

import_files = Table(
    "import_files",
    metadata,
    Column("import_id", Text, primary_key=True),
    Column("file_id", Text, primary_key=True),
    Column("state", Text, nullable=False),  # pending, stored, unchanged, failed, skipped
    Column("listed", Boolean, nullable=False),  # opened by a manifest
    Column("skip_reason", Text),
    # The file's metadata, and what ranks it against other metadata of the file.
    Column("name", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("size", BigInteger),
    Column("folder_id", Text, nullable=False),
    Column("path", ARRAY(Text), nullable=False),
    Column("metadata_source", Integer, nullable=False),
    Column("metadata_at", Time),
    # The outcome that counts; all null while there is none.
    Column("round", Integer),
    Column("drive_version", BigInteger),
    Column("reason", Text),
    Column("message", Text),
    Column("attempts", Integer),
    Column("object_key", Text),
    Column("stored_size", BigInteger),
    Column("md5", Text),
    Column("sha256", Text),
    Column("seconds", Double),
    Column("outcome_at", Time),
    Column("topic", Text),
    Column("partition", Integer),
    Column("offset", BigInteger),
    Index("import_files_state", "import_id", "state", "file_id"),
    Index("import_files_file", "file_id"),
)

consumed_offsets = Table(
    "consumed_offsets",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("topic_id", Text, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
)
