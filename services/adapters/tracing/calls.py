"""Drive, the store and receivers of webhooks, by the semantic conventions of HTTP clients and of
S3. Each try is a span of its own: what is tried again shows as several."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Generic

from services.adapters.tracing.port import A_co, SendsWebhooks
from services.adapters.tracing.sampling import FILE_ID
from services.adapters.tracing.spans import Attributes, Spans, failed, is_kept
from services.core.events import FileFound
from services.core.ports import (
    LARGEST_PAGE,
    Entry,
    KeepsObjects,
    LooksUpFiles,
    Page,
    ReadsFolders,
    ServesFiles,
    StoredObject,
)

FILES, FILE = "/drive/v3/files", "/drive/v3/files/{fileId}"


class _LooksUp:
    def __init__(self, drive: LooksUpFiles, spans: Spans) -> None:
        self._drive = drive
        self._spans = spans

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        with self._spans.call(f"GET {FILE}", _get(FILE) | {FILE_ID: item_id}):
            return await self._drive.look_up(item_id, resource_key=resource_key)


class TracedFolders(_LooksUp):
    def __init__(self, drive: ReadsFolders, spans: Spans) -> None:
        super().__init__(drive, spans)
        self._folders = drive

    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        about = _get(FILES) | {"drivestream.folder.id": folder_id}
        with self._spans.call(f"GET {FILES}", about) as span:
            page = await self._folders.list_page(
                folder_id,
                token=token,
                resource_key=resource_key,
                page_size=page_size,
                ids_only=ids_only,
            )
            span.set_attribute("drivestream.page.entries", len(page.entries))
            return page


class TracedFiles(_LooksUp):
    def __init__(self, drive: ServesFiles, spans: Spans) -> None:
        super().__init__(drive, spans)
        self._files = drive

    def open(self, file: FileFound) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._opened(file) if is_kept() else self._files.open(file)

    @asynccontextmanager
    async def _opened(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        """The span lasts until the last byte was taken."""
        about = _get(FILE) | {FILE_ID: file.file_id, "url.query": "alt=media"}
        if file.size is not None:
            about["file.size"] = file.size
        with self._spans.call(f"GET {FILE}", about):
            async with self._files.open(file) as chunks:
                yield chunks


class TracedStore:
    def __init__(self, store: KeepsObjects, spans: Spans) -> None:
        self._store = store
        self._spans = spans
        self.bucket = store.bucket

    async def put(
        self,
        key: str,
        body: bytes | bytearray,
        *,
        content_type: str,
        stored_by: str = "",
        sha256: str = "",
        md5: str = "",
    ) -> None:
        about = self._about("PutObject", key) | {"file.size": len(body)}
        with self._spans.call("S3/PutObject", about):
            await self._store.put(
                key,
                body,
                content_type=content_type,
                stored_by=stored_by,
                sha256=sha256,
                md5=md5,
            )

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        with self._spans.call("S3/UploadPart", self._about("UploadPart", key)):
            await self._store.put_stream(key, body, content_type=content_type, stored_by=stored_by)

    async def find(self, key: str) -> StoredObject | None:
        with self._spans.call("S3/HeadObject", self._about("HeadObject", key)) as span:
            found = await self._store.find(key)
            span.set_attribute("drivestream.found", found is not None)
            return found

    async def open(self, key: str) -> AsyncGenerator[bytes, None]:
        with self._spans.call("S3/GetObject", self._about("GetObject", key)):
            async with aclosing(self._store.open(key)) as chunks:
                async for chunk in chunks:
                    yield chunk

    def _about(self, method: str, key: str) -> Attributes:
        return {
            "rpc.system": "aws-api",
            "rpc.service": "S3",
            "rpc.method": method,
            "aws.s3.bucket": self.bucket,
            "aws.s3.key": key,
        }


class TracedReceiver(Generic[A_co]):
    """It gets no `traceparent`: it is somebody else's program, and its traces are not ours."""

    def __init__(self, client: SendsWebhooks[A_co], endpoint: str, spans: Spans) -> None:
        self._client = client
        self._endpoint = endpoint
        self._spans = spans

    async def send(self, id: str, body: str) -> A_co:
        about: Attributes = {
            "http.request.method": "POST",
            "drivestream.webhook.endpoint": self._endpoint,
        }
        with self._spans.call("POST", about) as span:
            answer = await self._client.send(id, body)
            if answer.status is not None:
                span.set_attribute("http.response.status_code", answer.status)
            if not answer.delivered:
                failed(span, str(answer.status or "no_answer"), answer.why)
            return answer


def _get(template: str) -> Attributes:
    return {"http.request.method": "GET", "url.template": template}
