"""Parses a request for an import. Pure: no clock, no network.

The job id is computed from the Idempotency-Key, so a repeated request means the same import,
whichever process answers it.
"""

import re
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import msgspec

from services.api.problems import Problem
from services.core.events import ImportRequested, Mode
from services.core.folder_link import FolderLink, NotAFolderLinkError, parse_folder_link, tidy

LARGEST_BODY = 64 * 1024
NAMESPACE = uuid5(NAMESPACE_URL, "drivestream:imports")
KEY = re.compile(r"[\x20-\x7e]{1,255}")
EXAMPLE = '{"folderUrl": "https://drive.google.com/drive/folders/…"}'


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request: the folder, the link, and the job id that the import will have."""

    link: FolderLink
    url: str
    job_id: UUID


def parse_submission(body: bytes, idempotency_key: str | None) -> Submission:
    """The request in a body and its Idempotency-Key, if any; raises `Problem`."""
    url = _folder_url(body)
    try:
        link = parse_folder_link(url)
    except NotAFolderLinkError as why:
        raise Problem(why.code, str(why)) from why
    return Submission(link=link, url=tidy(url), job_id=_job_id(idempotency_key))


def request_of(submission: Submission, *, seen_before: bool, now: datetime) -> ImportRequested:
    """The event to publish. If the folder was imported before, stored files are skipped."""
    return ImportRequested(
        import_id=str(submission.job_id),
        folder_id=submission.link.folder_id,
        folder_url=submission.url,
        resource_key=submission.link.resource_key,
        requested_at=now,
        mode=Mode.CHECK if seen_before else Mode.FRESH,
    )


def repeats(submission: Submission, known: ImportRequested | None) -> bool:
    """Whether the same import was requested before; a `Problem` if it was for another folder."""
    if known is None:
        return False
    if known.folder_id != submission.link.folder_id:
        raise Problem(
            "other_folder",
            "This Idempotency-Key started the import of another folder. "
            "Use a new key for every new import.",
        )
    return True


def _folder_url(body: bytes) -> str:
    if not body:
        raise Problem("missing_body", f"The body is missing; send {EXAMPLE}.")
    try:
        asked = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("not_json", f"The body is not JSON; send {EXAMPLE}.") from None
    if not isinstance(asked, dict):
        raise Problem("not_an_object", f"The body is not a JSON object; send {EXAMPLE}.")
    url = asked.get("folderUrl")
    if url is None:
        raise Problem("missing_folder_url", f"folderUrl is missing; send {EXAMPLE}.")
    if not isinstance(url, str):
        raise Problem("folder_url_not_text", f"folderUrl must be a string; send {EXAMPLE}.")
    return url


def _job_id(key: str | None) -> UUID:
    if key is None:
        return uuid4()
    if not KEY.fullmatch(key):
        raise Problem(
            "bad_idempotency_key",
            "An Idempotency-Key has 1 to 255 printable ASCII characters, such as a UUID.",
        )
    return uuid5(NAMESPACE, key)
