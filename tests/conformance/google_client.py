"""A reader of Drive as in Google's documentation, written for Google and nothing else.

python -m tests.conformance.google_client '{"folder": …}'

prints one JSON object: what it found. `test_google_client` runs it against the emulator, with the
emulator's address (`endpoint`) or without: then it uses Google's own address, and the environment's
proxy redirects it.
"""

import hashlib
import importlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

# It has no type information.
discovery: Any = importlib.import_module("googleapiclient.discovery")
errors: Any = importlib.import_module("googleapiclient.errors")
transfers: Any = importlib.import_module("googleapiclient.http")
service_account: Any = importlib.import_module("google.oauth2.service_account")

FOLDER = "application/vnd.google-apps.folder"
NATIVE = "application/vnd.google-apps."
FIELDS = "id,name,mimeType,size,md5Checksum,resourceKey,shortcutDetails"
SCOPES = ["https://www.googleapis.com/auth/drive.readonly"]
PAGE = 3
CHUNK = 7_000


def client(asked: dict[str, Any]) -> Any:
    """The service, created as an application would."""
    options: dict[str, Any] = {}
    if asked.get("endpoint"):
        options["client_options"] = {"api_endpoint": asked["endpoint"]}
    if asked.get("account"):
        made = service_account.Credentials.from_service_account_file(
            asked["account"], scopes=SCOPES
        )
        return discovery.build("drive", "v3", credentials=made, **options)
    return discovery.build("drive", "v3", developerKey=asked["key"], **options)


def listed(google: Any, q: str, page: int = PAGE) -> Iterator[dict[str, Any]]:
    request = google.files().list(
        q=q,
        fields=f"nextPageToken,incompleteSearch,files({FIELDS})",
        pageSize=page,
        supportsAllDrives=True,
        includeItemsFromAllDrives=True,
    )
    while request is not None:
        answer = request.execute()
        yield from answer["files"]
        request = google.files().list_next(request, answer)


def below(google: Any, folder: str) -> Iterator[dict[str, Any]]:
    for file in listed(google, f"'{folder}' in parents and trashed = false"):
        yield file
        if file["mimeType"] == FOLDER:
            yield from below(google, file["id"])


def downloaded(google: Any, file: dict[str, Any]) -> tuple[int, str]:
    """Length and MD5 of a download in chunks."""
    request = google.files().get_media(fileId=file["id"], supportsAllDrives=True)
    if "resourceKey" in file:
        request.headers["X-Goog-Drive-Resource-Keys"] = f"{file['id']}/{file['resourceKey']}"
    out = io.BytesIO()
    download, done = transfers.MediaIoBaseDownload(out, request, CHUNK), False
    while not done:
        _, done = download.next_chunk()
    return len(out.getvalue()), hashlib.md5(out.getvalue()).hexdigest()


def refused(request: Any) -> list[Any]:
    """Status and reason of a request that must fail."""
    try:
        request.execute()
    except errors.HttpError as why:
        details = why.error_details
        first = details[0] if isinstance(details, list) and details else {}
        return [why.status_code, first.get("reason", ""), why.reason]
    return [200, "", ""]


def batched(google: Any, ids: list[str]) -> dict[str, Any]:
    """The result of each call of one batch, by its name."""
    found: dict[str, Any] = {}

    def keep(name: str, answer: Any, error: Any) -> None:
        found[name] = error.status_code if error else answer["id"]

    batch = google.new_batch_http_request(callback=keep)
    for each in ids:
        batch.add(google.files().get(fileId=each, fields="id"), request_id=each)
    batch.execute()
    return found


def report(google: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Every request to Drive, and its result."""
    files, ids = google.files(), asked["ids"]
    found = list(below(google, asked["folder"]))
    blobs = [file for file in found if not file["mimeType"].startswith(NATIVE)]
    group = " or ".join(f"'{each}' in parents" for each in asked["group"])
    document, pdf = ids["document"], "application/pdf"
    quoted = "name = 'it\\'s \\\\ \"quoted\".jpg' and trashed = false"
    return {
        "found": found,
        "downloaded": {file["id"]: downloaded(google, file) for file in blobs},
        "grouped": sorted(file["id"] for file in listed(google, group, 1_000)),
        "quoted": [file["id"] for file in listed(google, quoted)],
        "batched": batched(google, [ids["two"], ids["under"], "nobody"]),
        "exported": hashlib.md5(files.export(fileId=document, mimeType=pdf).execute()).hexdigest(),
        "export_media": hashlib.md5(
            files.export_media(fileId=document, mimeType=pdf).execute()
        ).hexdigest(),
        "refused": {
            "nobody": refused(files.get(fileId="nobody")),
            "private": refused(files.get(fileId=ids["private"])),
            "keyed": refused(files.get(fileId=ids["keyed"])),
            "folder": refused(files.get_media(fileId=asked["folder"])),
            "document": refused(files.get_media(fileId=document)),
            "q": refused(files.list(q="nonsense")),
            "fields": refused(files.list(fields="nonsense")),
            "format": refused(files.export(fileId=document, mimeType="image/gif")),
            "bytes": refused(files.export(fileId=ids["two"], mimeType=pdf)),
            "about": refused(google.about().get(fields="user(emailAddress)")),
        },
    }


def main() -> int:
    importlib.import_module("socks")  # without it, httplib2 ignores the proxy
    asked = json.loads(sys.argv[1])
    with client(asked) as google:
        sys.stdout.write(json.dumps(report(google, asked)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
