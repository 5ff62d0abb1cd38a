"""Reads a folder's id from a pasted link (`drive-api.md` §2), or says what to paste instead."""

import re
from dataclasses import dataclass
from itertools import takewhile
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

LONGEST_LINK = 2048
ID = re.compile(r"[A-Za-z0-9_-]{10,128}")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
RESOURCE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
HOSTS = {"drive.google.com", "docs.google.com"}
BY_QUERY = {"open", "folderview", "embeddedfolderview"}
EDITORS = ("document", "spreadsheets", "presentation", "forms", "drawings", "videos")
EXAMPLE = "https://drive.google.com/drive/folders/…"
STEP = re.compile(r"[A-Za-z0-9_-]{19,128}")
"""The shortest id that Drive gives is a shared drive's `0A…`: a shorter word is no step."""
OWN_VIEWS = {
    *("root", "my-drive", "home", "shared-with-me", "shared-drives", "computers"),
    *("recent", "starred", "trash", "search", "priority", "activity"),
}
# What mail and chat programs, and sentences, put around a link; no link of these forms ends so.
BEFORE, AFTER = " <>\"'(", " <>\"').,;"


class NotAFolderLinkError(ValueError):
    """The message says why the text is no link to a Drive folder, and what to paste."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} like {EXAMPLE}.")
        self.code = code


@dataclass(frozen=True)
class FolderLink:
    folder_id: str
    resource_key: str | None = None  # some older links need it


def tidy(text: str) -> str:
    """The text without what surrounds a pasted link, line breaks, and what cannot be seen."""
    return "".join(c for c in text if c.isprintable()).lstrip(BEFORE).rstrip(AFTER)


def parse_folder_link(text: str) -> FolderLink:
    """Raises `NotAFolderLinkError`."""
    text = tidy(text)
    if not text:
        raise NotAFolderLinkError("empty", "Paste the link of a Drive folder,")
    if len(text) > LONGEST_LINK:
        why = (
            f"A folder link has at most {LONGEST_LINK} characters, this has {len(text)}; paste one"
        )
        raise NotAFolderLinkError("too_long", why)
    if ID.fullmatch(text) and text.lower() not in OWN_VIEWS:
        return FolderLink(text)
    parts = _split(unquote(text) if text.lower().startswith(("https%3a", "http%3a")) else text)
    query = parse_qs(f"{parts.query}&{parts.fragment.partition('?')[2]}")
    folder_id = _folder_id(parts, query)
    if folder_id.lower() in OWN_VIEWS:
        raise _why_not([folder_id.lower()])
    if not ID.fullmatch(folder_id):
        raise NotAFolderLinkError("bad_id", "The link holds no valid folder id; paste one")
    return FolderLink(folder_id, _resource_key(query))


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text if SCHEME.match(text) else f"https://{text.lstrip('/')}")
        host = (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        host = ""
    if host not in HOSTS or parts.scheme.lower() not in {"http", "https"}:
        raise NotAFolderLinkError("not_drive", "This is not a link to Google Drive; paste one")
    return parts


def _folder_id(parts: SplitResult, query: dict[str, list[str]]) -> str:
    path = unquote(parts.path)
    if parts.fragment.strip("/").startswith("folders/"):
        path = f"/drive/{parts.fragment.strip('/').partition('?')[0]}"
    steps = [step for step in path.split("/") if step]
    if len(steps) > 2 and steps[0] == "a":
        steps = steps[2:]  # /a/DOMAIN/… of a Workspace domain
    if "folders" in steps[:-1]:
        at = steps.index("folders")
        first, *below = steps[at + 1 :]
        # The mobile page's links name every folder from where one began to the one on screen.
        return [first, *takewhile(STEP.fullmatch, below)][-1] if "mobile" in steps[:at] else first
    if steps[-1:] and steps[-1] in BY_QUERY:
        return query.get("id", [""])[0]
    if "shared-drives" in steps[:-1]:
        return steps[steps.index("shared-drives") + 1]
    raise _why_not(steps)


def _why_not(steps: list[str]) -> NotAFolderLinkError:
    editor = next((each for each in EDITORS if each in steps), "")
    if "file" in steps or "uc" in steps:
        why = "file_link", "This links to a single file; paste the link of its folder,"
    elif editor:
        noun = editor.removesuffix("s")
        why = "document_link", f"This links to a Google {noun}; paste the link of a folder,"
    elif OWN_VIEWS & set(steps):
        why = (
            "private_view",
            "This is your own view of Drive, which nobody else can open; open a folder that is "
            "shared with anyone, and paste its link,",
        )
    else:
        why = "no_folder", "The link names no folder; open the folder and paste its link,"
    return NotAFolderLinkError(*why)


def _resource_key(query: dict[str, list[str]]) -> str | None:
    given = (values[0] for name, values in query.items() if name.lower() == "resourcekey")
    return next(filter(RESOURCE_KEY.fullmatch, given), None)
