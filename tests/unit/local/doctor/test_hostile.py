"""Whatever answers in Drive's place, the doctor comes to an end, within the units it announced."""

import json
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from local.doctor.assumptions import assumptions
from local.doctor.client import BUDGET_UNITS, BudgetSpentError, DriveClient
from local.doctor.drive import access
from local.doctor.folder import folder
from services.core.folder_link import FolderLink
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE

LINK = FolderLink("1AbCdEfGhIjKlMnOpQrSt", "0-key")
names = ["files", "id", "name", "mimeType", "trashed", "capabilities", "canDownload", "size"]
names += [
    "shortcutDetails",
    "targetId",
    "resourceKey",
    "nextPageToken",
    "error",
    "errors",
    "reason",
]
values = st.sampled_from([LINK.folder_id, "image/png", FOLDER_TYPE, SHORTCUT_TYPE, "0", "\x1b[2J"])
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | values
json_values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(names), inner, max_size=8)
    ),
    max_leaves=40,
)
folders = st.fixed_dictionaries(
    {"mimeType": st.just(FOLDER_TYPE)}, optional={"name": leaves, "capabilities": json_values}
)
listings = st.fixed_dictionaries(
    {
        "files": st.lists(
            st.fixed_dictionaries({"id": st.just(LINK.folder_id), "mimeType": values})
            | json_values,
            max_size=6,
        )
    },
    optional={"nextPageToken": leaves},
)
HEADERS: list[dict[str, str]] = [
    {},
    {"content-type": "application/json"},
    {"content-type": "text/html"},
    {"location": "http://elsewhere.test/"},
    {"date": "soon", "vary": ",,"},
]
bodies = (json_values | folders | listings).map(lambda value: json.dumps(value).encode())
bodies |= st.binary(max_size=60)


def asker(answers: list[tuple[int, bytes, dict[str, str]]]) -> DriveClient:
    """Drive replaced by these answers, the last of them for ever."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        status, body, headers = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(status, content=body, headers=headers)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    return DriveClient("http://drive.test", client, {"X-Goog-Api-Key": "k"})


def examined(ask: DriveClient) -> str:
    """All that is said of the folder."""
    said: list[Any] = list(access(ask, account=False))
    try:
        listing, found = folder(ask, LINK, account=False)
    except BudgetSpentError:
        return str(said)
    said += found
    if listing is not None:
        said += assumptions(ask, listing)
    return str(said)


@settings(deadline=None, max_examples=60)
@given(
    answers=st.lists(
        st.tuples(
            st.sampled_from([200, 200, 206, 302, 400, 403, 404, 429, 500]),
            bodies,
            st.sampled_from(HEADERS),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_answers_are_survived_and_paid_for(
    answers: list[tuple[int, bytes, dict[str, str]]],
) -> None:
    ask = asker(answers)
    said = examined(ask)
    assert "the probe itself failed" not in said
    assert ask.units <= BUDGET_UNITS


def test_the_units_announced_are_never_exceeded() -> None:
    picture = {"id": LINK.folder_id, "mimeType": "image/png", "name": "Holiday.png"}
    some = [{"id": LINK.folder_id, "mimeType": kind} for kind in (FOLDER_TYPE, SHORTCUT_TYPE)]
    closed = {**picture, "capabilities": {"canDownload": False}}
    page = {
        "mimeType": FOLDER_TYPE,
        "nextPageToken": "for ever",
        "files": [picture, closed, *(some * 20)],
    }
    ask = asker([(404, b'{"error": {"errors": [{"reason": "notFound"}]}}', {}),
                 (200, json.dumps(page).encode(), {})])  # fmt: skip
    assert "not asked" not in examined(ask)
    assert 1_000 < ask.units <= BUDGET_UNITS


def test_a_signature_stays_with_the_host_that_it_is_for() -> None:
    seen: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, "X-Goog-Api-Key" in request.headers))
        away = {"location": "http://elsewhere.test/x"}
        return httpx.Response(302, headers=away if request.url.host == "drive.test" else {})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    DriveClient("http://drive.test", client, {"X-Goog-Api-Key": "k"}).get("1AbCdEfGhIjKl", {})
    assert seen == [("drive.test", True), ("elsewhere.test", False)]


def test_an_answer_without_an_end_is_cut_off() -> None:
    ask = asker([(200, b"x" * (9 * 1024 * 1024), {})])
    assert "too long" in ask.get("1AbCdEfGhIjKl", {}).failure
