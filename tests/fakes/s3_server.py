"""An S3 server on loopback that knows about buckets only, or answers every request alike.

MinIO takes no rule that aborts incomplete uploads, and never refuses a policy. Amazon does both.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Thread
from urllib.parse import parse_qs, urlsplit

UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Answer:
    """A status, with S3's error code and words where there are some, and a redirect's target."""

    status: int
    code: str = ""
    message: str = ""
    location: str = ""

    @property
    def body(self) -> bytes:
        """As S3 says it."""
        if not self.code:
            return b""
        words = f"<Code>{self.code}</Code><Message>{self.message}</Message>"
        return f"<Error>{words}</Error>".encode()


@dataclass(frozen=True)
class Seen:
    """A request as it came, header names in lower case. A proxy is asked for a whole URL."""

    method: str
    address: str
    headers: Mapping[str, str]


@dataclass
class S3Server:
    """One bucket. `refusals` are by method and what of the bucket is asked, such as `PUT policy`.

    `always`, if given, is the answer to every request, and `document` the body of every success.
    """

    url: str = ""
    bucket_exists: bool = False
    policy: bytes = b""
    lifecycle: bytes = b""
    always: Answer | None = None
    document: bytes = b""
    refusals: dict[str, Answer] = field(default_factory=dict)
    ended: dict[str, Answer] = field(default_factory=dict)
    """By the id of keys that it no longer takes, what it answers to them."""
    requests: Counter[str] = field(default_factory=Counter)
    checksums: list[tuple[str, str]] = field(default_factory=list)
    """Of each PUT with a body: the SHA-256 that it said, and what it is."""
    checks_md5: bool = True
    takes_unsigned: bool = True
    seen: list["Seen"] = field(default_factory=list)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        asked = sorted(parse_qs(urlsplit(path).query, keep_blank_values=True))
        part = next((name for name in ("policy", "lifecycle") if name in asked), "bucket")
        self.requests[f"{method} {part}"] += 1
        refusal = self.always or self.refusals.get(f"{method} {part}")
        if refusal:
            return refusal.status, refusal.body
        if self.document:
            return 200, self.document
        if part == "bucket":
            return self._of_bucket(method)
        return self._of_document(method, part, body)

    def refuses_bytes(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Because of what the request says of them."""
        if not self.takes_unsigned and headers.get("x-amz-content-sha256") == UNSIGNED:
            return Answer(400, "InvalidRequest", "Sign it.")
        if body:
            said = headers.get("x-amz-checksum-sha256", "")
            self.checksums.append((said, b64encode(sha256(body).digest()).decode()))
        right = b64encode(md5(body, usedforsecurity=False).digest()).decode()
        if self.checks_md5 and headers.get("content-md5", right) != right:
            return Answer(400, "BadDigest", "It differs.")
        return None

    def _of_bucket(self, method: str) -> tuple[int, bytes]:
        if method == "PUT":
            self.bucket_exists = True
        return (200 if self.bucket_exists else 404), b""

    def _of_document(self, method: str, part: str, body: bytes) -> tuple[int, bytes]:
        if method != "GET":
            setattr(self, part, body)
            return 200, b""
        kept: bytes = getattr(self, part)
        missing = {"policy": "NoSuchBucketPolicy", "lifecycle": "NoSuchLifecycleConfiguration"}
        return (200, kept) if kept else (404, Answer(404, missing[part]).body)


@contextmanager
def s3_server(tls: SSLContext | None = None) -> Iterator[S3Server]:
    """Listens until the block ends."""
    server = S3Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.seen.append(Seen(self.command, self.path, headers))
            status, content = server.answer(self.command, self.path, body)
            if refusal := server.refuses_bytes(headers, body):
                status, content = refusal.status, refusal.body
            signer = headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
            if signer in server.ended:
                status, content = server.ended[signer].status, server.ended[signer].body
            self.send_response(status)
            self.send_header("content-type", "application/xml")
            self.send_header("etag", '"1"')
            if server.always and server.always.location:
                self.send_header("location", server.always.location)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if self.command != "HEAD" else b"")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: pytest's output is for tests."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    if tls:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
