"""Finds the one Drive folder that a pasted text links to, or says what to paste instead.

What surrounds a link is cut off; nothing is joined. Where a break may have cut an id or a resource
key short, the text is refused, since a part of an id may be the id of something else.
"""

import re
from dataclasses import dataclass, field, replace
from itertools import takewhile
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from services.core.pasted_text import Address, addresses_in, plain, unescaped

LONGEST_LINK = 2048
ID = re.compile(r"[A-Za-z0-9_-]{10,128}")
RESOURCE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
HOSTS = {"drive.google.com", "docs.google.com"}
DOWNLOADS = "drive.usercontent.google.com"
BY_QUERY = {"open", "folderview", "embeddedfolderview"}
EDITORS = ("document", "spreadsheets", "presentation", "forms", "drawings", "videos")
EXAMPLE = "https://drive.google.com/drive/folders/…"
STEP = re.compile(r"[A-Za-z0-9_-]{19,128}")
"""The shortest id that Drive gives is a shared drive's `0A…`: a shorter word is no step."""
WHOLE = re.compile(r"1[\w-]{32}|1[\w-]{43}|0B[\w-]{26}|0A[\w-]{17}", re.ASCII)
WHOLE_KEY = re.compile(r"0-[\w-]{22}", re.ASCII)
"""As long as Google makes them. Nothing that follows can be a part of one."""
OWN_VIEWS = {
    *("root", "my-drive", "home", "shared-with-me", "shared-drives", "computers"),
    *("recent", "starred", "trash", "search", "priority", "activity"),
}
BARE = re.compile(rf"[^\w-]*({ID.pattern})(?:/?[?&]([\w=&%.~+-]*))?[^\w-]*", re.ASCII)
MAIL_EQUALS = re.compile(r"=3D(?=[\w-])", re.IGNORECASE)
KEY = re.compile(r"resourcekey[^\w\s&-]*([\w-]+)", re.IGNORECASE)


class NotAFolderLinkError(ValueError):
    """The message says why the text is no link to a Drive folder, and what to paste."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message}, like {EXAMPLE}.")
        self.code = code


@dataclass(frozen=True)
class FolderLink:
    folder_id: str
    resource_key: str | None = None  # some older links need it
    url: str = field(default="", compare=False)
    """The link without what was around it; of a bare id, the link that it stands for."""


def parse_folder_link(pasted: str) -> FolderLink:
    """Raises `NotAFolderLinkError`."""
    if len(pasted.strip()) > LONGEST_LINK:
        why = (
            f"This text has {len(pasted.strip()):,} characters, and a folder link has at most "
            f"{LONGEST_LINK:,}. Paste only the link"
        )
        raise NotAFolderLinkError("too_long", why)
    text = plain(pasted)
    if not text:
        raise NotAFolderLinkError("empty", "The link is empty. Paste the link of a Drive folder")
    bare = BARE.fullmatch(text)
    if bare is not None and bare[1].lower() not in OWN_VIEWS:
        link = _checked(FolderLink(bare[1], _resource_key(_query(bare[2] or ""))), bare[1][0])
    else:
        link = _only_link(text)
    _check_key(text, link.resource_key)
    return link if link.url else replace(link, url=_url(link))


def _only_link(text: str) -> FolderLink:
    links: dict[str, FolderLink] = {}
    refusals: list[NotAFolderLinkError] = []
    for address in addresses_in(text):
        try:
            link = _folder_link(address)
        except NotAFolderLinkError as why:
            refusals.append(why)
        else:
            known = links.get(link.folder_id, link)
            if None not in (known.resource_key, link.resource_key) and known != link:
                raise _two_links()
            # A label that repeats its link may lack the key.
            links[link.folder_id] = known if known.resource_key else link
    other_items = [why for why in refusals if why.code in ("file_link", "document_link")]
    if len(links) > 1 or (links and other_items):
        raise _two_links()
    if links and all(why.code in ("not_drive", "no_folder", "private_view") for why in refusals):
        return next(iter(links.values()))
    telling = sorted(refusals, key=lambda why: why.code == "not_drive")
    raise next(iter(telling), _not_drive())


def _folder_link(address: Address) -> FolderLink:
    parts = _split(address.text)
    query = _query(f"{parts.query}&{parts.fragment.partition('?')[2]}")
    try:
        folder_id, names_more = _folder_id(parts, query)
        if folder_id.lower() in OWN_VIEWS:
            raise _why_not([folder_id.lower()])
        if not ID.fullmatch(folder_id):
            raise NotAFolderLinkError(
                "bad_id", "The link has no valid folder id. Paste a complete link"
            )
        key = _resource_key(query)
    except NotAFolderLinkError as why:
        if address.is_cut and why.code in ("bad_id", "no_folder", "bad_key"):
            raise _broken() from None
        raise
    is_whole = WHOLE.fullmatch(folder_id) and (key is None or WHOLE_KEY.fullmatch(key))
    if address.is_cut and (names_more or not is_whole):
        raise _broken()
    # A port, a password or a mail's `=3D` would not help who follows the link.
    is_plain = parts.netloc.lower() in HOSTS and "=3D" not in address.text.upper()
    url = address.text.rstrip(".:?&#=/") if is_plain else ""
    return _checked(FolderLink(folder_id, key, url), address.marks)


def _checked(link: FolderLink, marks: str) -> FolderLink:
    """The link; raises if its last character may be a mark around it, as in `_link_`."""
    last = (link.resource_key or link.folder_id)[-1]
    if last in "_-" and last in marks:
        raise NotAFolderLinkError(
            "broken_link",
            f"The last `{last}` may or may not be part of the link. Paste the link with nothing "
            "around it",
        )
    return link


def _query(text: str) -> dict[str, list[str]]:
    """Its parameters. The source of a mail has `=3D` for each `=`, with a value behind it."""
    if text.count("=") == len(MAIL_EQUALS.findall(text)):
        text = MAIL_EQUALS.sub("=", text)
    return parse_qs(text)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text if "://" in text[:8] else f"https://{text.lstrip('/')}")
        host = (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        host = ""
    if host == DOWNLOADS:
        raise _why_not(["file"])
    if host not in HOSTS:
        raise NotAFolderLinkError(
            "not_drive",
            "This is not a Google Drive link. If it leads to Drive, open it, and paste the URL "
            "that the browser shows",
        )
    return parts


def _folder_id(parts: SplitResult, query: dict[str, list[str]]) -> tuple[str, bool]:
    """The id, and whether that of a folder inside it may follow."""
    path = unquote(parts.path)
    if parts.fragment.strip("/").startswith("folders/"):
        path = f"/drive/{re.split('[?&]', unquote(parts.fragment).strip('/'))[0]}"
    steps = [step for step in re.sub(r"[^A-Za-z0-9_-]+\Z", "", path).split("/") if step]
    if len(steps) > 2 and steps[0] == "a":
        steps = steps[2:]  # /a/DOMAIN/… of a Workspace domain
    if "folders" in steps[:-1]:
        at = steps.index("folders")
        if "mobile" in steps[:at]:
            return _folder_on_screen(steps[at + 1 :]), not parts.query
        return steps[at + 1], False
    if steps[:2] == ["folder", "d"] and len(steps) > 2:
        return steps[2], False
    if steps[-1:] and steps[-1] in BY_QUERY:
        return _one_of(query.get("id", [""])), False
    if "shared-drives" in steps[:-1]:
        return steps[steps.index("shared-drives") + 1], False
    raise _why_not(steps)


def _folder_on_screen(steps: list[str]) -> str:
    """The mobile page's links name every folder from where one began to the one on screen."""
    if not all(re.fullmatch(r"[\w-]+", step, re.ASCII) for step in steps):
        raise NotAFolderLinkError(
            "bad_id", "The link has no valid folder id. Paste a complete link"
        )
    return [steps[0], *takewhile(STEP.fullmatch, steps[1:])][-1]


def _one_of(values: list[str]) -> str:
    """The value, without the punctuation behind it; raises if it is not the same each time."""
    found = {re.sub(r"[^A-Za-z0-9_-]+\Z", "", value) for value in values}
    if len(found) > 1:
        raise _two_links()
    return found.pop()


def _resource_key(query: dict[str, list[str]]) -> str | None:
    given = [values for name, values in query.items() if name.lower() == "resourcekey"]
    key = _one_of([value for values in given for value in values] or [""])
    if key and not RESOURCE_KEY.fullmatch(key):
        why = "The link's resourcekey is not valid. Copy the link from Drive again, and paste it"
        raise NotAFolderLinkError("bad_key", why)
    return key or None


def _check_key(text: str, key: str | None) -> None:
    """Raise unless the link has the key that the text names, in whichever spelling."""
    whole = text
    for _ in range(4):
        whole = MAIL_EQUALS.sub("=", unescaped(unquote(whole)))
    named = {*KEY.findall(whole), *KEY.findall("".join(whole.split()))}
    known = (key, MAIL_EQUALS.sub("", f"={key}")) if key else ()
    if any(not each.startswith(known) for each in named):
        raise _broken()


def _url(link: FolderLink) -> str:
    key = f"?resourcekey={link.resource_key}" if link.resource_key else ""
    return f"https://drive.google.com/drive/folders/{link.folder_id}{key}"


def _broken() -> NotAFolderLinkError:
    return NotAFolderLinkError(
        "broken_link",
        "The link seems to be incomplete, or to run into the text after it. Copy it from Drive "
        "again, and paste only the link",
    )


def _two_links() -> NotAFolderLinkError:
    return NotAFolderLinkError(
        "two_links", "This text has more than one link, or two resource keys. Paste only one link"
    )


def _not_drive() -> NotAFolderLinkError:
    return NotAFolderLinkError(
        "not_drive", "This is not a Google Drive link. Paste the link of a Drive folder"
    )


def _why_not(steps: list[str]) -> NotAFolderLinkError:
    editor = next((each for each in EDITORS if each in steps), "")
    if "file" in steps or "uc" in steps:
        why = "file_link", "This is a link to a single file. Paste the link of its folder"
    elif editor:
        noun = editor.removesuffix("s")
        why = "document_link", f"This is a link to a Google {noun}. Paste the link of a folder"
    elif OWN_VIEWS & set(steps):
        why = (
            "private_view",
            "This link opens your own view of Drive, which no one else can open. Open a folder "
            "that is shared with anyone who has the link, and paste its link",
        )
    else:
        why = "no_folder", "The link does not name a folder. Open the folder, and paste its link"
    return NotAFolderLinkError(*why)
