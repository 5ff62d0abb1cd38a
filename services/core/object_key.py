"""Where a file's bytes are kept. Objects are immutable: other bytes, or another name, another key.

`FILE_ID_CHECKSUM_NAME`. The folder is no part of it: a file that is moved, or found in several
folders, stays one object (decisions/0026). A key has at most 255 bytes of UTF-8, because MinIO
keeps it as a directory's name.
"""

import hashlib
import re
import unicodedata

from services.core.events import FileFound

PART_BYTES = 255
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\ud800-\udfff\ufffe\uffff\u2028\u2029]')


def object_key(file: FileFound) -> str:
    prefix = f"{_id_part(file.file_id)}_{_bytes_id(file)}_"
    return f"{prefix}{safe_part(file.name, PART_BYTES - len(prefix))}"


def names_its_bytes(file: FileFound) -> bool:
    """Whether other bytes have another key. An object is only visible if it is whole, so then what
    is there is the file, even if Drive said no size."""
    return bool(file.md5 or file.sha256 or file.sha1 or file.version)


def older_key(file: FileFound) -> str:
    """Where versions before decision 26 put it: under the folder in which it was found."""
    return f"{_id_part(file.folder_id)}/{object_key(file)}"


def _id_part(drive_id: str) -> str:
    """An id of another alphabet is hashed: cut or cleaned, two could meet."""
    if _PLAIN_ID.fullmatch(drive_id):
        return drive_id
    return f"x{hashlib.sha256(drive_id.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _bytes_id(file: FileFound) -> str:
    checksum = file.md5 or file.sha256 or file.sha1
    return checksum[:12] if checksum else f"v{file.version}"[:20]


def safe_part(name: str, limit: int) -> str:
    """The name without what breaks listings or file systems, at most `limit` bytes of UTF-8.

    A cut keeps the ending (`.jpg`), so that the object still opens when it is downloaded.
    """
    safe = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(" .") or "_"
    if len(safe.encode()) <= limit:
        return safe
    stem, dot, ending = safe.rpartition(".")
    if not stem or len(ending.encode()) > 16:
        stem, dot, ending = safe, "", ""
    room = limit - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + dot + ending
