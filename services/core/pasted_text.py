"""Finds the addresses of Google Drive in a pasted text, and cuts off what is around them.

What other programs escaped is undone first. Nothing is joined: an `Address` knows what goes on
behind it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

# Redirects and mail scanners put the address into one of their own, percent-encoded or not.
START = re.compile(
    r"https?(?::|%(?:25)*3a)(?:/|%(?:25)*2f){2}"
    r"|(?:(?<![\w.@/:%-])//|(?<![\w.@/%-]))(?:drive|docs)\.google\.com(?=[/?#:.])",
    re.IGNORECASE | re.ASCII,
)
LINK = re.compile(r"[A-Za-z0-9_./?=&%#:~+@-]*")
GOES_ON = re.compile(r"[^\W_]|\\[\w-]|[=\\]?\s+[>|\s]*(?!https?://)[\w/?&=#%-]", re.IGNORECASE)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{1,31});")
PROOFPOINT = re.compile(r"https?://urldefense\.proofpoint\.com/v2/url\?u=([\w.-]+)", re.IGNORECASE)
# JSON, JavaScript, shells and Markdown put a backslash before a character, or before its number.
ESCAPED = re.compile(r"\\(?:(?:u00|x)([2-7][0-9a-fA-F])|([/.:?=&#%]))")


@dataclass(frozen=True)
class Address:
    """One address of a text, and what goes on behind it."""

    text: str
    rest: str
    marks: str = ""
    """The underscores and hyphens in front of the addresses. One behind may belong to it."""

    @property
    def is_cut(self) -> bool:
        """Whether it may have been broken off, by a line break for example."""
        return GOES_ON.match(self.rest) is not None


def plain(text: str) -> str:
    """The text as a reader sees it, with spaces for what has no width or ends a line. Proofpoint
    spells addresses in a way of its own."""
    text = unescaped(text)
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return unescaped(PROOFPOINT.sub(_of_proofpoint, text)).strip()


def unescaped(text: str) -> str:
    """Without HTML's entities and without backslashes."""
    for _ in range(3):  # `&amp;amp;` comes of HTML in HTML
        text = ENTITY.sub(lambda found: unescape(found[0]), text)
    return ESCAPED.sub(lambda found: found[2] or chr(int(found[1], 16)), text)


def _of_proofpoint(found: re.Match[str]) -> str:
    return unquote(found[1].replace("-", "%").replace("_", "/"))


def addresses_in(text: str) -> Iterator[Address]:
    starts = list(START.finditer(text))
    ends = [*(found.start() for found in starts), len(text)][1:]
    marks = "".join(text[max(found.start() - 1, 0) : found.start()] for found in starts)
    for start, end in zip(starts, ends, strict=False):
        before, behind = text[: start.start()], text[start.start() :]
        shown = (LINK.match(behind[: end - start.start()]) or start)[0]
        if before.endswith("__") and shown.endswith("__"):
            shown = shown[:-2]  # as the newer Proofpoint writes it, or bold Markdown
        is_proofpoint = before.endswith("/v3/__") and behind[len(shown) :].startswith("__;")
        inner, rest = unescaped(_within_another(shown)), behind[len(shown) :]
        if inner != shown:
            # What was encoded may hold more than the address, a line break for example.
            whole = (LINK.match(inner) or start)[0]
            rest = inner[len(whole) :] or (rest if "&" not in shown else "")
            inner = whole
        yield Address(inner, rest, "" if is_proofpoint else marks)


def _within_another(address: str) -> str:
    """The address without the parameters of one that it is a parameter of, and decoded."""
    first = address.partition("&")[0]
    if START.match(address) and "://" not in address[:8] and "%" in address[:8]:
        address = _decoded(first)
    elif "=" not in first and re.search("%3[df]|%23", first, re.IGNORECASE):
        address = unquote(first)
    first = address.partition("&")[0]
    return address if "?" in first or "#" in first else first


def _decoded(address: str) -> str:
    for _ in range(4):
        if "://" in address:
            break
        address = unquote(address)
    return address
