"""Starts imports: parses the request, publishes it and remembers it.

The import's id is computed from the Idempotency-Key, so a repeated request means the same import,
whichever process answers it.
"""

import re
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import msgspec
import structlog
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Tail
from services.api.problems import KINDS, Problem
from services.api.progress import ImportCache
from services.core.events import ImportRequested, Mode
from services.core.folder_link import NotAFolderLinkError, parse_folder_link, tidy
from services.core.ports import PublishesEvents

CATCH_UP_SECONDS = 2.0
LARGEST_BODY = 64 * 1024
NAMESPACE = uuid5(NAMESPACE_URL, "drivestream:imports")
KEY = re.compile(r"[\x20-\x7e]{1,255}")
EXAMPLE = '{"folderUrl": "https://drive.google.com/drive/folders/…"}'
log = structlog.get_logger()


def parse_request(body: bytes, key: str | None, now: datetime) -> ImportRequested:
    """The import, if its folder is new; raises `Problem`."""
    url = _folder_url(body)
    try:
        link = parse_folder_link(url)
    except NotAFolderLinkError as why:
        raise Problem(why.code, str(why)) from why
    return ImportRequested(
        import_id=str(_import_id(key)),
        folder_id=link.folder_id,
        folder_url=tidy(url),
        resource_key=link.resource_key,
        requested_at=now,
    )


class ImportStarter:
    """For one import id there is one request at a time."""

    def __init__(self, publisher: PublishesEvents, tail: Tail[ImportCache]) -> None:
        self._publisher = publisher
        self._tail = tail
        self._under_way: set[str] = set()

    async def start(self, body: bytes, key: str | None) -> str:
        """The id of the import, once Kafka has acknowledged it; raises `Problem`."""
        request = parse_request(body, key, datetime.now(UTC))
        if request.import_id in self._under_way:
            raise Problem(
                "import_under_way",
                "A request with this Idempotency-Key is in progress. Repeat it in a second.",
                headers={"Retry-After": "1"},
            )
        self._under_way.add(request.import_id)
        try:
            await self._start(request)
        finally:
            self._under_way.discard(request.import_id)
        return request.import_id

    async def _start(self, request: ImportRequested) -> None:
        caught_up = await self._tail.caught_up(CATCH_UP_SECONDS)
        known = self._tail.view.request(request.import_id)
        if known is not None:
            if known.folder_id == request.folder_id:
                return
            raise Problem(
                "other_folder",
                "This Idempotency-Key started the import of another folder. "
                "Use a new key for every new import.",
            )
        # Only the whole topic says that a folder is new. Comparing with what is stored is safe.
        if self._tail.view.folder_seen(request.folder_id) or not caught_up:
            request = replace(request, mode=Mode.CHECK)
        about = {"import_id": request.import_id, "folder_id": request.folder_id}
        try:
            await self._publisher.publish([request])
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("import.not_queued", why=str(why), **about)
            raise Problem(
                "not_queued",
                "Kafka did not acknowledge the request in time, so the import may not have "
                "started. It is safe to repeat the request with the same Idempotency-Key.",
            ) from why
        self._tail.view.apply(request)  # no 404 until the tail has read it
        log.info("import.requested", mode=request.mode.value, **about)


def _folder_url(body: bytes) -> str:
    try:
        asked = msgspec.json.decode(body or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        code = "not_json"
    else:
        match asked:
            case {"folderUrl": str(url)}:
                return url
            case {"folderUrl": value} if value is not None:
                code = "folder_url_not_text"
            case {}:
                code = "missing_folder_url"
            case _:
                code = "not_an_object" if body else "missing_body"
    raise Problem(code, f"{KINDS[code].title}; send {EXAMPLE}.")


def _import_id(key: str | None) -> UUID:
    if key is None:
        return uuid4()
    if not KEY.fullmatch(key):
        raise Problem(
            "bad_idempotency_key",
            "An Idempotency-Key has 1 to 255 printable ASCII characters, such as a UUID.",
        )
    return uuid5(NAMESPACE, key)
