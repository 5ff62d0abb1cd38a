"""When a listing of a folder can be trusted, and what to request next. Pure; see decisions/0006.

A pass goes from a folder's first page to a page without a token. A single page that is neither
empty nor full is trusted at once. Any other listing is trusted only if the next pass, with pages of
another size, lists the same: that reveals a token lost at the end of a page, an entry left out, and
an empty answer. Passes that publish files alternate with passes that ask for ids only, so of two
consecutive passes that agree, one has published everything.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from services.core import events as e
from services.core.errors import SetAside
from services.core.ports import LARGEST_PAGE, Entry, Page

T = TypeVar("T", bound=Struct)
FolderEvent = e.PageRequested | e.FolderFailed
# One for each pass, so that two passes hardly ever end a page at the same entry.
PAGE_SIZES = (LARGEST_PAGE, 997, 991, 983, 977, 971)
PASSES = len(PAGE_SIZES)
MOST_PAGES = 20_000
"""Per pass: forty times what Drive's largest folder needs (500,000 children, 1,000 a page)."""
ROUND = 100
"""A multiple of this may be a full page: Drive gives 100 by default, sometimes 460 or 500."""
NEWEST_TOKENS = 8
TAIL = 32  # entries at the end of a page that are recognised if the next page repeats them


def page_size(request: e.PageRequested) -> int:
    """Entries to ask for; the same for all pages of a pass."""
    return PAGE_SIZES[min(request.pass_number, PASSES - 1)]


def decide(
    request: e.PageRequested, page: Page, at: datetime
) -> tuple[FolderEvent | None, str | None]:
    """What follows from this page, and a code that says why its pass is not trusted. Such a doubt
    ends the pass. Without one, the next page follows, or nothing: then the folder is complete."""
    if page.incomplete:
        return next_pass(request, at), "incomplete_search"
    seen = digested(request.seen, page.entries, request.tail)
    if page.next_token is None:
        doubt = _doubt(request, page, seen)
        if doubt is None:
            return None, None
        return next_pass(replace(request, confirms=not request.confirms, before=seen), at), doubt
    mark = _digest(page.next_token)
    if page.next_token == request.token or mark in request.tokens:
        return next_pass(request, at), "token_repeats"
    number = request.page_number + 1
    if number >= MOST_PAGES:
        return _incomplete(request, at), "too_many_pages"
    following = replace(
        request,
        page_number=number,
        token=page.next_token,
        seen=seen,
        tail=tail_of(request.tail, page.entries),
        tokens=_remembered(request.tokens, number, mark),
    )
    return following, None


def next_pass(request: e.PageRequested, at: datetime) -> FolderEvent:
    """The first page of another pass. With `request` unchanged, it replaces an abandoned pass."""
    if request.pass_number + 1 >= PASSES:
        return _incomplete(request, at)
    return replace(
        request,
        pass_number=request.pass_number + 1,
        page_number=0,
        token=None,
        seen=e.ListingDigest(),
        tail=(),
        tokens=(),
        # What earlier passes found is stored already, or soon will be: do not fetch it again.
        mode=e.Mode.CHECK if request.mode is e.Mode.FRESH else request.mode,
    )


def derived(kind: type[T], *sources: object, **fields: Any) -> T:
    """A struct of `fields`. Every other field comes from the last source that has its name."""
    for source in reversed(sources):
        for name in kind.__struct_fields__:
            if name not in fields and hasattr(source, name):
                fields[name] = getattr(source, name)
    return kind(**fields)


def digested(
    seen: e.ListingDigest, entries: Iterable[Entry], tail: Sequence[str] = ()
) -> e.ListingDigest:
    """The digest with one more page.

    An entry that repeats within the page, or from the `tail` before it, counts once. One that
    repeats from further back counts again, since not all ids of a large folder are remembered. That
    can make two equal passes differ, which costs another pass; it cannot make different ones agree.
    """
    digests = {_digest(entry.id) for entry in entries}.difference(tail)
    total = sum(int(digest, 16) >> 1 for digest in digests)
    return e.ListingDigest(count=seen.count + len(digests), digest=(seen.digest + total) % 2**63)


def tail_of(tail: tuple[str, ...], entries: Sequence[Entry]) -> tuple[str, ...]:
    return (*tail, *(_digest(entry.id) for entry in entries[-TAIL:]))[-TAIL:]


def _doubt(request: e.PageRequested, page: Page, seen: e.ListingDigest) -> str | None:
    if request.before is not None:
        return None if request.before == seen else "passes_differ"
    if request.pass_number:
        return "pass_abandoned"  # there is no complete pass to compare this one with
    if request.page_number:
        return "many_pages"
    listed = len(page.entries)
    if not listed:
        return "empty"
    return "full_page" if listed >= page_size(request) or listed % ROUND == 0 else None


def _incomplete(request: e.PageRequested, at: datetime) -> e.FolderFailed:
    sentence = (
        "Google Drive listed this folder differently each time, so some images may be missing. "
        "Someone may be changing the folder. Import it again later."
    )
    why = SetAside("listing_incomplete", sentence)
    return derived(e.FolderFailed, request, why, failed_at=at)


def _remembered(tokens: tuple[str, ...], number: int, mark: str) -> tuple[str, ...]:
    """The newest tokens, and the one from the last power of two, so that a cycle of any length is
    noticed in the end (Brent's algorithm)."""
    stays = tokens and number & (number - 1)
    return tokens[0] if stays else mark, *tokens[1:][-(NEWEST_TOKENS - 1) :], mark


def _digest(text: str) -> str:
    """64 bits, in 16 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
