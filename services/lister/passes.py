"""When a listing of a folder may be believed, and what to ask next. Pure; decisions/0006.

A pass goes from a folder's first page to a page without a token. One page, neither empty nor as
full as a page may be, is believed at once. Every other listing is believed only when the pass after
it, with pages of another size, lists the same: a token lost at the end of a page, an entry left out
or an empty answer then shows. Passes that publish files alternate with passes that ask for ids
alone, so of any two that follow each other and agree, one has published everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from services.core import events as e
from services.core.ports import LARGEST_PAGE, Entry, Page

PAGE_SIZES = (LARGEST_PAGE, 997, 991, 983, 977, 971)
"""Of the passes in turn: hardly two end a page at the same entry."""
PASSES = len(PAGE_SIZES)
MOST_PAGES = 20_000
"""Of one pass: forty times what Drive's largest folder needs (500,000 children, 1,000 a page)."""
ROUND = 100
"""What Drive calls a page where it pleases: 100 entries by default, 460 or 500 at times."""
NEWEST_TOKENS = 8
TAIL = 32
"""Entries of a pass whose repeats are noticed across a page boundary: where repeats come from."""
_MODULUS = 2**63

INCOMPLETE = "listing_incomplete"
_INCOMPLETE_SENTENCE = (
    "Google Drive listed this folder differently, or not to its end, however often it was asked: "
    "pictures may be missing. Somebody may be changing the folder. Import it again later."
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a page means for its pass: `last` ends it, and `doubt` says why that was not enough."""

    after: e.PageRequested | e.FolderFailed | None
    last: bool
    doubt: str | None = None

    @property
    def closes(self) -> bool:
        """The folder is complete, and nothing is to be asked of it any more."""
        return self.last and self.doubt is None


def page_size(asked: e.PageRequested) -> int:
    """How many entries to ask for; the same for all pages of a pass."""
    return PAGE_SIZES[min(asked.pass_number, PASSES - 1)]


def step(asked: e.PageRequested, page: Page, at: datetime) -> Step:
    """What follows from this page, for the pass that it is of."""
    if page.incomplete:
        return _abandoned(asked, "incomplete_search", at)
    if page.next_token is None:
        return _ended(asked, page, at)
    mark = _digest(page.next_token)
    if page.next_token == asked.token or mark in asked.tokens:
        return _abandoned(asked, "token_repeats", at)
    if asked.page_number + 1 >= MOST_PAGES:
        return Step(after=incomplete(asked, at), last=True, doubt="too_many_pages")
    number = asked.page_number + 1
    following = replace(
        asked,
        page_number=number,
        token=page.next_token,
        seen=tallied(asked.seen, page.entries, asked.tail),
        tail=tail_of(asked.tail, page.entries),
        tokens=_remembered(asked.tokens, number, mark),
    )
    return Step(after=following, last=False)


def anew(asked: e.PageRequested, at: datetime) -> e.PageRequested | e.FolderFailed:
    """Another pass in place of one that could not be brought to its end."""
    return _pass_after(asked, asked.confirms, asked.before, at)


def incomplete(asked: e.PageRequested, at: datetime) -> e.FolderFailed:
    """The end of a folder that no listing can be believed of."""
    return failed(asked, INCOMPLETE, _INCOMPLETE_SENTENCE, at)


def failed(asked: e.PageRequested, reason: str, message: str, at: datetime) -> e.FolderFailed:
    """The end of a folder, in words."""
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


def tallied(
    seen: e.ListingDigest, entries: Iterable[Entry], tail: Sequence[str] = ()
) -> e.ListingDigest:
    """What was seen with one page more.

    An entry that repeats on the page, or from the `tail` of what came before it, counts once. One
    that repeats from further back counts again, since nobody remembers all ids of a large folder.
    So a repeat can make two passes differ that listed the same, which costs another pass; it cannot
    make two agree that did not.
    """
    digests = {_digest(entry.id) for entry in entries}.difference(tail)
    total = sum(int(digest, 16) >> 1 for digest in digests)
    return e.ListingDigest(count=seen.count + len(digests), digest=(seen.digest + total) % _MODULUS)


def tail_of(tail: tuple[str, ...], entries: Sequence[Entry]) -> tuple[str, ...]:
    """The digests of the last entries listed so far; an empty page keeps those before it."""
    return (*tail, *(_digest(entry.id) for entry in entries[-TAIL:]))[-TAIL:]


def _ended(asked: e.PageRequested, page: Page, at: datetime) -> Step:
    """A pass came to its end: it is believed, or compared with the one before or after it."""
    seen = tallied(asked.seen, page.entries, asked.tail)
    doubt = _doubt(asked, page, seen)
    if doubt is None:
        return Step(after=None, last=True)
    after = _pass_after(asked, not asked.confirms, seen, at)
    return Step(after=after, last=True, doubt=doubt)


def _doubt(asked: e.PageRequested, page: Page, seen: e.ListingDigest) -> str | None:
    """Why this listing, complete as it looks, may be short; None if it may be believed."""
    if asked.before is not None:
        return None if asked.before == seen else "passes_differ"
    if asked.pass_number:
        return "pass_abandoned"  # the one before: this folder is not listed as it should be
    if asked.page_number:
        return "many_pages"
    listed = len(page.entries)
    if not listed:
        return "empty"
    return "full_page" if listed >= page_size(asked) or listed % ROUND == 0 else None


def _abandoned(asked: e.PageRequested, doubt: str, at: datetime) -> Step:
    return Step(after=anew(asked, at), last=True, doubt=doubt)


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
        # What the passes so far found is stored, or about to be: it is not to be fetched again.
        mode=e.Mode.CHECK if asked.mode is e.Mode.FRESH else asked.mode,
    )


def _remembered(tokens: tuple[str, ...], number: int, mark: str) -> tuple[str, ...]:
    """The newest tokens, behind one that stays from each power of two to the next (Brent): so a
    circle of any length is noticed, if not at once."""
    stays = tokens and number & (number - 1)
    return tokens[0] if stays else mark, *tokens[1:][-(NEWEST_TOKENS - 1) :], mark


def _digest(text: str) -> str:
    """64 bits, in 16 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
