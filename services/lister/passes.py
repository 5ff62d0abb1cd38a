"""When a listing of a folder can be trusted, and what to ask next. Pure; see decisions/0006.

A pass goes from a folder's first page to a page without a token. A single page that is neither
empty nor full is trusted at once. Any other listing is trusted only when the next pass, with pages
of another size, lists the same: that reveals a token lost at the end of a page, an entry left out,
and an empty answer. Passes that publish files alternate with passes that ask for ids only, so of
two consecutive passes that agree, one has published everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from services.core import events as e
from services.core.ports import LARGEST_PAGE, Entry, Page

PAGE_SIZES = (LARGEST_PAGE, 997, 991, 983, 977, 971)
"""Of the passes in turn: two passes hardly ever end a page at the same entry."""
PASSES = len(PAGE_SIZES)
MOST_PAGES = 20_000
"""Per pass: forty times what Drive's largest folder needs (500,000 children, 1,000 a page)."""
ROUND = 100
"""A multiple of this may be a full page: Drive gives 100 by default, 460 or 500 at times."""
NEWEST_TOKENS = 8
TAIL = 32
"""Entries at the end of a page whose repeats on the next page are noticed."""
_MODULUS = 2**63

INCOMPLETE = "listing_incomplete"
_INCOMPLETE_SENTENCE = (
    "Google Drive listed this folder differently each time it was asked, so pictures may be "
    "missing. Somebody may be changing the folder. Import it again later."
)


@dataclass(frozen=True, kw_only=True)
class PassDecision:
    """What a page means for its pass: `last` ends it; `doubt` says why it is not trusted."""

    next_page: e.PageRequested | e.FolderFailed | None
    last: bool
    doubt: str | None = None

    @property
    def closes(self) -> bool:
        """The folder is complete: nothing more is asked of it."""
        return self.last and self.doubt is None


def page_size(asked: e.PageRequested) -> int:
    """How many entries to ask for; the same for all pages of a pass."""
    return PAGE_SIZES[min(asked.pass_number, PASSES - 1)]


def decide(asked: e.PageRequested, page: Page, at: datetime) -> PassDecision:
    """What follows from this page for its pass."""
    if page.incomplete:
        return _abandoned(asked, "incomplete_search", at)
    if page.next_token is None:
        return _ended(asked, page, at)
    mark = _digest(page.next_token)
    if page.next_token == asked.token or mark in asked.tokens:
        return _abandoned(asked, "token_repeats", at)
    if asked.page_number + 1 >= MOST_PAGES:
        return PassDecision(next_page=incomplete(asked, at), last=True, doubt="too_many_pages")
    number = asked.page_number + 1
    following = replace(
        asked,
        page_number=number,
        token=page.next_token,
        seen=digested(asked.seen, page.entries, asked.tail),
        tail=tail_of(asked.tail, page.entries),
        tokens=_remembered(asked.tokens, number, mark),
    )
    return PassDecision(next_page=following, last=False)


def next_pass(asked: e.PageRequested, at: datetime) -> e.PageRequested | e.FolderFailed:
    """Another pass in place of one that could not be completed."""
    return _pass_after(asked, asked.confirms, asked.before, at)


def incomplete(asked: e.PageRequested, at: datetime) -> e.FolderFailed:
    """The failure of a folder whose listings cannot be trusted."""
    return failed(asked, INCOMPLETE, _INCOMPLETE_SENTENCE, at)


def failed(asked: e.PageRequested, reason: str, message: str, at: datetime) -> e.FolderFailed:
    """The failure of a folder."""
    return e.FolderFailed(
        import_id=asked.import_id,
        epoch=asked.epoch,
        folder_id=asked.folder_id,
        reason=reason,
        message=message,
        failed_at=at,
        path=asked.path,
        pass_number=asked.pass_number,
        page_number=asked.page_number,
    )


def digested(
    seen: e.ListingDigest, entries: Iterable[Entry], tail: Sequence[str] = ()
) -> e.ListingDigest:
    """The digest with one more page.

    An entry that repeats within the page, or from the `tail` before it, counts once. One that
    repeats from further back counts again, since a large folder's ids are not all remembered. So a
    repeat can make two equal passes differ, which costs another pass; it cannot make two different
    ones agree.
    """
    digests = {_digest(entry.id) for entry in entries}.difference(tail)
    total = sum(int(digest, 16) >> 1 for digest in digests)
    return e.ListingDigest(count=seen.count + len(digests), digest=(seen.digest + total) % _MODULUS)


def tail_of(tail: tuple[str, ...], entries: Sequence[Entry]) -> tuple[str, ...]:
    """The digests of the last entries listed so far; an empty page keeps those before it."""
    return (*tail, *(_digest(entry.id) for entry in entries[-TAIL:]))[-TAIL:]


def _ended(asked: e.PageRequested, page: Page, at: datetime) -> PassDecision:
    """A pass is complete: it is trusted, or compared with the pass before or after it."""
    seen = digested(asked.seen, page.entries, asked.tail)
    doubt = _doubt(asked, page, seen)
    if doubt is None:
        return PassDecision(next_page=None, last=True)
    following = _pass_after(asked, not asked.confirms, seen, at)
    return PassDecision(next_page=following, last=True, doubt=doubt)


def _doubt(asked: e.PageRequested, page: Page, seen: e.ListingDigest) -> str | None:
    """Why this listing may be short although it looks complete; None if it is trusted."""
    if asked.before is not None:
        return None if asked.before == seen else "passes_differ"
    if asked.pass_number:
        return "pass_abandoned"  # the one before it was, so this folder is listed oddly
    if asked.page_number:
        return "many_pages"
    listed = len(page.entries)
    if not listed:
        return "empty"
    return "full_page" if listed >= page_size(asked) or listed % ROUND == 0 else None


def _abandoned(asked: e.PageRequested, doubt: str, at: datetime) -> PassDecision:
    return PassDecision(next_page=next_pass(asked, at), last=True, doubt=doubt)


def _pass_after(
    asked: e.PageRequested, confirms: bool, before: e.ListingDigest | None, at: datetime
) -> e.PageRequested | e.FolderFailed:
    if asked.pass_number + 1 >= PASSES:
        return incomplete(asked, at)
    return replace(
        asked,
        pass_number=asked.pass_number + 1,
        page_number=0,
        token=None,
        confirms=confirms,
        seen=e.ListingDigest(),
        tail=(),
        before=before,
        tokens=(),
        # What earlier passes found is stored, or about to be: it must not be fetched again.
        mode=e.Mode.CHECK if asked.mode is e.Mode.FRESH else asked.mode,
    )


def _remembered(tokens: tuple[str, ...], number: int, mark: str) -> tuple[str, ...]:
    """The newest tokens, and one that is kept from each power of two to the next (Brent's cycle
    detection): so a circle of any length is noticed, if not at once."""
    stays = tokens and number & (number - 1)
    return tokens[0] if stays else mark, *tokens[1:][-(NEWEST_TOKENS - 1) :], mark


def _digest(text: str) -> str:
    """64 bits, in 16 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
