"""What a request for an import asks, and what follows from it. Pure: no clock, no network.

The job id is made from the Idempotency-Key, so whoever repeats a request, and whichever process
answers it, means the same import.
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
    """An understood request: which folder, the link, and the job id it will have."""

    link: FolderLink
    url: str
    job_id: UUID


def understood(body: bytes, idempotency_key: str | None) -> Submission:
    """The request in a body and its Idempotency-Key, if any; raises `Problem`."""
    url = _folder_url(body)
    try:
        link = parse_folder_link(url)
    except NotAFolderLinkError as why:
        raise Problem(why.code, str(why)) from why
    return Submission(link=link, url=tidy(url), job_id=_job_id(idempotency_key))


def request_of(submission: Submission, *, seen_before: bool, now: datetime) -> ImportRequested:
    """The event to publish. A folder that was imported before is compared with what is stored."""
    return ImportRequested(
        import_id=str(submission.job_id),
        folder_id=submission.link.folder_id,
        folder_url=submission.url,
        resource_key=submission.link.resource_key,
        requested_at=now,
        mode=Mode.CHECK if seen_before else Mode.FRESH,
    )


def repeats(submission: Submission, known: ImportRequested | None) -> bool:
    """Whether this very import was asked for already; a `Problem` if that was another folder."""
    if known is None:
        return False
    if known.folder_id != submission.link.folder_id:
        raise Problem(
            "other_folder",
            "This Idempotency-Key already started the import of another folder; "
            "use a new key for every new import.",
        )
    return True


def _folder_url(body: bytes) -> str:
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
        raise Problem("folder_url_not_text", f"folderUrl must be a text; send {EXAMPLE}.")
    return url


def _job_id(key: str | None) -> UUID:
    if key is None:
        return uuid4()
    if not KEY.fullmatch(key):
        raise Problem(
            "bad_idempotency_key",
            "An Idempotency-Key has 1 to 255 printable ASCII characters; a UUID is a good one.",
        )
    return uuid5(NAMESPACE, key)
