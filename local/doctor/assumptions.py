"""What Drive's documentation leaves open: how we think that it behaves, and how it does.

Each point costs one or two harmless read requests. Some are wrong on purpose, to see the refusal.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from local.doctor.client import Answer, BudgetSpentError, DriveClient, keys
from local.doctor.drive import UNKNOWN_ID
from local.doctor.listing import Listing, can, children_of, text
from local.doctor.report import Assumption

UNKNOWN_KEY = "not-a-key-but-made-up-by-drivestream-doctor"
DEFAULT_FIELDS = {"kind", "id", "name", "mimeType", "resourceKey"}
DEFAULT_PAGE_SIZE = 100
VARY = {"origin", "x-origin", "referer"}
WORD = re.compile(r"[A-Za-z]{6,}")
WORDS = re.compile(r"[A-Za-z0-9]+")
FRAGMENT_LENGTH = 4

Probe = Callable[[DriveClient, Listing], Iterator[Assumption]]


def assumptions(client: DriveClient, listing: Listing) -> Sequence[Assumption]:
    """Compare every assumption with what Drive answers, as far as the budget allows."""
    found: list[Assumption] = []
    for probe in PROBES:
        try:
            found += probe(client, listing)
        except BudgetSpentError:
            found.append(_not_asked(probe, "not checked: the announced quota units are used up"))
        except Exception as error:  # noqa: BLE001 - one probe must not hide the others
            found.append(_not_asked(probe, f"the probe itself failed: {type(error).__name__}"))
    return found


def _not_asked(probe: Probe, seen: str) -> Assumption:
    point = getattr(probe, "__name__", "").strip("_").replace("_", " ")
    return Assumption(point=point, assumed="-", seen=seen, same=None)


def _refusals(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    """Requests that Drive must refuse: the summary of the refusal is what is compared."""
    for point, assumed, ask in _refused_requests(client, listing):
        seen = ask().summary()
        yield Assumption(point=point, assumed=assumed, seen=seen, same=seen == assumed)


def _refused_requests(
    client: DriveClient, listing: Listing
) -> Sequence[tuple[str, str, Callable[[], Answer]]]:
    page = {"q": children_of(listing.link.folder_id), "pageToken": "~not~a~token~"}
    unknown_folder = {"q": children_of(UNKNOWN_ID), "fields": "files(id)"}
    bad_query = {"q": "this is no search", "fields": "files(id)"}
    id_only, unknown_key = {"fields": "id"}, {"X-Goog-Api-Key": UNKNOWN_KEY}
    return (
        (
            "list of an unknown folder",
            "404 notFound at fileId: “File not found: .”",
            lambda: client.list(unknown_folder),
        ),
        (
            "bad pageToken",
            "400 invalid at pageToken: “Invalid Value”",
            lambda: client.list(page, headers=_keys(listing)),
        ),
        ("bad q", "400 invalid at q: “Invalid Value”", lambda: client.list(bad_query)),
        (
            "bad fields",
            "400 invalidParameter at fields: “Invalid field selection nosuchfield”",
            lambda: client.get(UNKNOWN_ID, {"fields": "id,nosuchfield"}),
        ),
        (
            "unknown key",
            "400 API_KEY_INVALID + badRequest: “API key not valid. Please pass a valid API key.”",
            lambda: client.get(UNKNOWN_ID, id_only, signature=unknown_key),
        ),
        (
            "no key",
            "403 no reason, status PERMISSION_DENIED: “The request is missing a valid API key.”",
            lambda: client.get(UNKNOWN_ID, id_only, signature={}),
        ),
    )


def _defaults(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    """One list request without fields, pageSize and orderBy."""
    answer = client.list({"q": children_of(listing.link.folder_id)}, headers=_keys(listing))
    document = answer.document()
    files = document.get("files")
    sent: list[Any] = files if isinstance(files, list) else []
    names = {name for file in sent if isinstance(file, dict) for name in file}
    yield Assumption(
        point="fields by default",
        assumed="kind, id, name, mimeType, and resourceKey if there is one",
        seen=", ".join(sorted(names)) or answer.summary(),
        same=None if not sent else names | {"resourceKey"} == DEFAULT_FIELDS,
    )
    entries = len(listing.entries)
    comparable = entries > DEFAULT_PAGE_SIZE or listing.more
    more = "more follow" if text(document, "nextPageToken") else "no more pages follow"
    yield Assumption(
        point="pageSize by default",
        assumed="100 (documented: or the whole list, outside shared drives)",
        seen=f"{len(sent)} of {entries:,}{'+' if listing.more else ''} entries, {more}",
        same=len(sent) == DEFAULT_PAGE_SIZE if comparable else None,
    )


def _order(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    times = [text(entry, "modifiedTime") for entry in listing.entries]
    falling = all(one >= other for one, other in pairwise(times))
    rising = all(one <= other for one, other in pairwise(times))
    if len(set(times)) < 2:
        seen = "cannot be told"
    elif falling or rising:
        seen = f"modifiedTime, {'newest' if falling else 'oldest'} first"
    else:
        seen = "not by modifiedTime"
    same = falling if len(set(times)) > 1 else None
    yield Assumption(
        point="order by default", assumed="modifiedTime, newest first", seen=seen, same=same
    )


def fragments(names: Sequence[str]) -> tuple[str, str] | None:
    """The beginning of a word in the names, and a middle of it with which no word begins."""
    lower = [name.lower() for name in names]
    beginnings = {word[:FRAGMENT_LENGTH] for name in lower for word in WORDS.findall(name)}
    for name in lower:
        for word in WORD.findall(name):
            middle = word[1 : 1 + FRAGMENT_LENGTH]
            if middle not in beginnings:
                return word[:FRAGMENT_LENGTH], middle
    return None


def _name_contains(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    """The beginning of a word must be found; whether its middle is found, too, is the question."""
    point, assumed = "name contains", "only the beginnings of words"
    found = fragments([text(entry, "name") for entry in listing.entries])
    if found is None or listing.more:
        yield Assumption(point=point, assumed=assumed, seen="no name to try it with", same=None)
        return
    beginning, middle = (_matches(client, listing, part) for part in (found[0], found[1]))
    seen = f"{beginning} for a beginning, {middle} for a middle"
    same = middle == 0 if beginning else None
    yield Assumption(point=point, assumed=assumed, seen=seen, same=same)


def _matches(client: DriveClient, listing: Listing, fragment: str) -> int:
    query = f"{children_of(listing.link.folder_id)} and name contains '{fragment}'"
    answer = client.list({"q": query, "fields": "files(id)"}, headers=_keys(listing))
    files = answer.document().get("files")
    return len(files) if isinstance(files, list) else 0


def _compression(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    encodings = []
    for agent in ("drivestream-doctor (gzip)", "drivestream-doctor"):
        answer = _folder(client, listing, headers={"User-Agent": agent})
        encodings.append(answer.headers.get("content-encoding", "none"))
    yield Assumption(
        point="compression of JSON",
        assumed="gzip if the User-Agent has the word gzip, else none",
        seen=f"{encodings[0]} if it has, else {encodings[1]}",
        same=encodings == ["gzip", "none"],
    )


def _quota_user(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    answer = _folder(client, listing, query={"quotaUser": "drivestream-doctor"})
    seen = f"{answer.status}" if answer.ok else answer.summary()
    yield Assumption(point="quotaUser with this key", assumed="200", seen=seen, same=answer.ok)


def _folder(
    client: DriveClient,
    listing: Listing,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> Answer:
    both = {**_keys(listing), **(headers or {})}
    return client.get(listing.link.folder_id, {"fields": "id", **(query or {})}, headers=both)


def _not_downloadable(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    """The answer for a file that its owner does not allow to download, if there is one."""
    entry = next((entry for entry in listing.entries if not can(entry, "canDownload")), None)
    if entry is None:
        return
    item = text(entry, "id")
    answer = client.bytes_of(item, "0-0", headers=keys((item, listing.key_of(entry))))
    yield Assumption(
        point="bytes of a file with canDownload=false",
        assumed="403 cannotDownloadFile",
        seen=answer.summary(),
        same=answer.status == 403 and "cannotDownloadFile" in answer.said.reasons,
    )


def _headers(client: DriveClient, listing: Listing) -> Iterator[Assumption]:
    """The headers of all answers until now, without further requests."""
    media = [answer for answer in client.answers if answer.ok and "content-range" in answer.headers]
    json = [answer for answer in client.answers if answer.ok and answer not in media]
    yield _server("Server of JSON", "ESF", json)
    yield _server("Server of bytes", "UploadServer", media)
    hashes = _values(media, "x-goog-hash")
    yield Assumption(
        point="X-Goog-Hash of bytes",
        assumed="present",
        seen="present" if hashes else "absent" if media else "no bytes were downloaded",
        same=bool(hashes) if media else None,
    )
    vary = {word.strip().lower() for value in _values(json, "vary") for word in value.split(",")}
    yield Assumption(
        point="Vary of JSON",
        assumed="Origin, X-Origin, Referer",
        seen=", ".join(sorted(vary)) or "none",
        same=vary - {"accept-encoding"} == VARY,
    )
    waits = _values(client.answers, "retry-after")
    yield Assumption(
        point="Retry-After",
        assumed="never sent",
        seen=", ".join(waits) or f"in none of {len(client.answers)} answers",
        same=not waits,
    )


def _server(point: str, assumed: str, answers: Sequence[Answer]) -> Assumption:
    seen = _values(answers, "server")
    same = seen == [assumed] if answers else None
    return Assumption(point=point, assumed=assumed, seen=", ".join(seen) or "none", same=same)


def _values(answers: Sequence[Answer], name: str) -> list[str]:
    return sorted({answer.headers[name][:80] for answer in answers if name in answer.headers})


def _keys(listing: Listing) -> Mapping[str, str]:
    return keys((listing.link.folder_id, listing.link.resource_key))


PROBES: Sequence[Probe] = (
    _refusals,
    _defaults,
    _order,
    _name_contains,
    _compression,
    _quota_user,
    _not_downloadable,
    _headers,
)
