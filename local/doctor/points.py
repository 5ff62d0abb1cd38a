"""The points that `drive-api.md` leaves open ([U] and §9), asked of whatever answers as Drive.

Each is one or two harmless requests to read; a wrong request is answered with a refusal, and that
refusal is what is looked at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from local.doctor.ask import Answer, Asker, SpentError, keys
from local.doctor.drive import MADE_UP
from local.doctor.findings import Point
from local.doctor.fragments import fragments
from local.doctor.listing import Listing, children_of, latency, text

MADE_UP_KEY = "not-a-key-but-made-up-by-drivestream-doctor"
DEFAULT_FIELDS = {"kind", "id", "name", "mimeType", "resourceKey"}
DEFAULT_PAGE = 100
VARY = {"origin", "x-origin", "referer"}

Probe = Callable[[Asker, Listing], Iterator[Point]]


def points(ask: Asker, listing: Listing) -> Sequence[Point]:
    """Every point, in the order of the reference; those are left out that the units forbid."""
    found: list[Point] = []
    for probe in PROBES:
        try:
            found += probe(ask, listing)
        except SpentError:
            found.append(_unasked(probe, "not asked: the units announced are used up"))
        except Exception as why:  # noqa: BLE001 - one probe must not hide the others
            found.append(_unasked(probe, f"the probe itself failed: {type(why).__name__}"))
    return found


def _unasked(probe: Probe, seen: str) -> Point:
    name = getattr(probe, "__name__", "").strip("_").replace("_", " ")
    return Point(point=name, assumed="-", seen=seen, same=None)


def _unknown_folder(ask: Asker, listing: Listing) -> Iterator[Point]:
    answer = ask.list({"q": children_of(MADE_UP), "fields": "files(id)"})
    assumed = "404 notFound at fileId: “File not found: .”"
    yield _refusal("list of an unknown folder", assumed, answer)


def _bad_page_token(ask: Asker, listing: Listing) -> Iterator[Point]:
    query = {"q": children_of(listing.link.folder_id), "pageToken": "~not~a~token~"}
    answer = ask.list(query, headers=keys((listing.link.folder_id, listing.link.resource_key)))
    yield _refusal("bad pageToken", "400 invalid at pageToken: “Invalid Value”", answer)


def _bad_search(ask: Asker, listing: Listing) -> Iterator[Point]:
    answer = ask.list({"q": "this is no search", "fields": "files(id)"})
    yield _refusal("bad q", "400 invalid at q: “Invalid Value”", answer)


def _bad_fields(ask: Asker, listing: Listing) -> Iterator[Point]:
    answer = ask.get(MADE_UP, {"fields": "id,nosuchfield"})
    assumed = "400 invalidParameter at fields: “Invalid field selection nosuchfield”"
    yield _refusal("bad fields", assumed, answer)


def _wrong_key(ask: Asker, listing: Listing) -> Iterator[Point]:
    answer = ask.get(MADE_UP, {"fields": "id"}, signature={"X-Goog-Api-Key": MADE_UP_KEY})
    sentence = "“API key not valid. Please pass a valid API key.”"
    yield _refusal("made-up key", f"400 API_KEY_INVALID + badRequest: {sentence}", answer)


def _no_key(ask: Asker, listing: Listing) -> Iterator[Point]:
    answer = ask.get(MADE_UP, {"fields": "id"}, signature={})
    assumed = "403 no reason, status PERMISSION_DENIED: “The request is missing a valid API key.”"
    yield _refusal("no key", assumed, answer)


def _defaults(ask: Asker, listing: Listing) -> Iterator[Point]:
    """One list without fields, pageSize and orderBy."""
    headers = keys((listing.link.folder_id, listing.link.resource_key))
    answer = ask.list({"q": children_of(listing.link.folder_id)}, headers=headers)
    document = answer.document()
    files = document.get("files")
    sent: list[Any] = files if isinstance(files, list) else []
    names = {name for file in sent if isinstance(file, dict) for name in file}
    yield Point(
        point="fields, unless asked for",
        assumed="kind, id, name, mimeType (resourceKey where there is one)",
        seen=", ".join(sorted(names)) or answer.words(),
        same=None if not sent else names | {"resourceKey"} == DEFAULT_FIELDS,
    )
    whole = len(listing.entries)
    comparable = whole > DEFAULT_PAGE or listing.more
    more = "more follow" if text(document, "nextPageToken") else "no more follow"
    yield Point(
        point="pageSize, unless asked for",
        assumed="100 (the reference: or the whole list, outside shared drives)",
        seen=f"{len(sent)} of {whole:,}{'+' if listing.more else ''} entries, {more}",
        same=len(sent) == DEFAULT_PAGE if comparable else None,
    )


def _order(ask: Asker, listing: Listing) -> Iterator[Point]:
    times = [text(entry, "modifiedTime") for entry in listing.entries]
    falling = all(one >= other for one, other in pairwise(times))
    rising = all(one <= other for one, other in pairwise(times))
    comparable = len(set(times)) > 1
    seen = "modifiedTime, newest first" if falling else "modifiedTime, oldest first"
    yield Point(
        point="order, unless asked for",
        assumed="modifiedTime, newest first",
        seen=(seen if falling or rising else "not by modifiedTime")
        if comparable
        else "cannot be told",
        same=falling if comparable else None,
    )


def _name_contains(ask: Asker, listing: Listing) -> Iterator[Point]:
    """The beginning of a word in a name must be found; a middle that begins no word tells."""
    assumed = "the beginnings of words only"
    found = fragments([text(entry, "name") for entry in listing.entries])
    if found is None or listing.more:
        yield Point(point="name contains", assumed=assumed, seen="no name to try it on", same=None)
        return
    counts = [_matches(ask, listing, fragment) for fragment in (found.beginning, found.middle)]
    seen = f"{counts[0]} for a beginning, {counts[1]} for a middle"
    same = counts[1] == 0 if counts[0] else None
    yield Point(point="name contains", assumed=assumed, seen=seen, same=same)


def _matches(ask: Asker, listing: Listing, fragment: str) -> int:
    search = f"{children_of(listing.link.folder_id)} and name contains '{fragment}'"
    headers = keys((listing.link.folder_id, listing.link.resource_key))
    files = ask.list({"q": search, "fields": "files(id)"}, headers=headers).document().get("files")
    return len(files) if isinstance(files, list) else 0


def _compression(ask: Asker, listing: Listing) -> Iterator[Point]:
    said = []
    for agent in ("drivestream-doctor (gzip)", "drivestream-doctor"):
        answer = _folder(ask, listing, {"User-Agent": agent})
        said.append(answer.headers.get("content-encoding", "none"))
    yield Point(
        point="compression of JSON",
        assumed="gzip where the agent says gzip, none where it does not",
        seen=f"{said[0]} where it does, {said[1]} where it does not",
        same=said == ["gzip", "none"],
    )


def _quota_user(ask: Asker, listing: Listing) -> Iterator[Point]:
    answer = _folder(ask, listing, {}, {"quotaUser": "drivestream-doctor"})
    seen = f"{answer.status}" if answer.ok else answer.words()
    yield Point(point="quotaUser with this key", assumed="200", seen=seen, same=answer.ok)


def _folder(
    ask: Asker, listing: Listing, headers: Mapping[str, str], query: Mapping[str, str] | None = None
) -> Answer:
    link = listing.link
    given = {**keys((link.folder_id, link.resource_key)), **headers}
    return ask.get(link.folder_id, {"fields": "id", **(query or {})}, headers=given)


def _forbidden(ask: Asker, listing: Listing) -> Iterator[Point]:
    """The answer for a file that its owner lets nobody download, if there is one among them."""
    closed = [e for e in listing.entries if _closed(e)]
    if not closed:
        return
    item = text(closed[0], "id")
    answer = ask.bytes_of(item, "0-0", headers=keys((item, listing.key_of(closed[0]))))
    said = answer.said
    yield Point(
        point="bytes of a file with canDownload=false",
        assumed="403 cannotDownloadFile",
        seen=answer.words(),
        same=answer.status == 403 and "cannotDownloadFile" in said.reasons,
    )


def _closed(entry: Mapping[str, Any]) -> bool:
    capabilities = entry.get("capabilities")
    return isinstance(capabilities, dict) and capabilities.get("canDownload") is False


def _headers(ask: Asker, listing: Listing) -> Iterator[Point]:
    """Of the answers so far: nothing more is asked."""
    media = [a for a in ask.answers if a.ok and "content-range" in a.headers]
    json = [a for a in ask.answers if a.ok and a not in media]
    yield _header("Server of JSON", "ESF", json, "server")
    yield _header("Server of bytes", "UploadServer", media, "server")
    hashes = _seen(media, "x-goog-hash")
    yield Point(
        point="X-Goog-Hash of bytes",
        assumed="present",
        seen="present" if hashes else "absent" if media else "no bytes were fetched",
        same=bool(hashes) if media else None,
    )
    vary = {word.strip().lower() for value in _seen(json, "vary") for word in value.split(",")}
    yield Point(
        point="Vary of JSON",
        assumed="Origin, X-Origin, Referer",
        seen=", ".join(sorted(vary)) or "none",
        same=vary - {"accept-encoding"} == VARY,
    )
    waits = _seen(ask.answers, "retry-after")
    yield Point(
        point="Retry-After",
        assumed="never",
        seen=f"{', '.join(waits)}" if waits else f"in none of {len(ask.answers)} answers",
        same=not waits,
    )


def _header(point: str, assumed: str, answers: Sequence[Answer], name: str) -> Point:
    seen = _seen(answers, name)
    same = seen == [assumed] if answers else None
    return Point(point=point, assumed=assumed, seen=", ".join(seen) or "none", same=same)


def _seen(answers: Sequence[Answer], name: str) -> list[str]:
    return sorted({answer.headers[name][:80] for answer in answers if name in answer.headers})


def _times(ask: Asker, listing: Listing) -> Iterator[Point]:
    seen = latency(listing)
    yield Point(point="time of a list page", assumed="not known", seen=seen, same=None)


def _unaskable(ask: Asker, listing: Listing) -> Iterator[Point]:
    seen = "no harmless request tells; Google's console shows what was charged"
    for point, assumed in (
        ("price of alt=media", "200 units"),
        ("anonymous holders of one key", "share one bucket unless quotaUser tells them apart"),
    ):
        yield Point(point=point, assumed=assumed, seen=seen, same=None)


def _refusal(point: str, assumed: str, answer: Answer) -> Point:
    """`assumed` is what `Answer.words` makes of the assumed answer."""
    seen = answer.words()
    return Point(point=point, assumed=assumed, seen=seen, same=seen == assumed)


PROBES: Sequence[Probe] = (
    _unknown_folder,
    _bad_page_token,
    _bad_search,
    _bad_fields,
    _wrong_key,
    _no_key,
    _defaults,
    _order,
    _name_contains,
    _compression,
    _quota_user,
    _forbidden,
    _headers,
    _times,
    _unaskable,
)
