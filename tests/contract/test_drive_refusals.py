"""Each of Google's refusals, from the emulator, for each kind of request."""

from collections.abc import AsyncIterator, Iterator

import pytest

from drive_emulator.http.errors import PRESETS
from drive_emulator.testing import RunningEmulator, running_emulator
from services.adapters.drive.client import Drive
from services.core.errors import CoolDown, Corrupt, RateLimited, SetAside, Stop, TryAgain, Verdict
from tests.contract.odd_drive import TREE, Desk, ask, entry_of, reaching

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def started() -> Iterator[RunningEmulator]:
    with running_emulator() as emulator:
        emulator.add_tree(TREE, render=True)
        yield emulator


@pytest.fixture
def emulator(started: RunningEmulator) -> Iterator[RunningEmulator]:
    yield started
    started.clear_faults()
    started.knobs(redirect_media=False)


@pytest.fixture
async def drive(emulator: RunningEmulator) -> AsyncIterator[Drive]:
    async with reaching(emulator) as drive:
        yield drive


SLOWER = (RateLimited, "drive_rate_limited")
KEY = (Stop, "key_refused")
UNFIT = (SetAside, "drive_refused")
TROUBLE = (TryAgain, "drive_unavailable")
PARKED = (SetAside, "download_quota_exceeded")
ABUSIVE = (SetAside, "abusive_file")
FORBIDDEN = (SetAside, "not_permitted")
NO_BYTES = (SetAside, "not_downloadable")
MEANINGS = {
    "badRequest": UNFIT,
    "invalid": UNFIT,
    "invalidParameter": UNFIT,
    "required": UNFIT,
    "invalidPageToken": (SetAside, "page_token_invalid"),
    "keyInvalid": KEY,
    "apiKeyInvalid": KEY,
    "authError": KEY,
    "loginRequired": KEY,
    "dailyLimitExceededUnreg": KEY,
    "missingKey": KEY,
    "accessNotConfigured": (Stop, "drive_api_disabled"),
    "rateLimitExceeded": SLOWER,
    "userRateLimitExceeded": SLOWER,
    "quotaPerMinute": SLOWER,
    "tooManyRequests": SLOWER,
    "resourceExhausted": SLOWER,
    "dailyLimitExceeded": (CoolDown, "daily_limit_exceeded"),
    "downloadQuotaExceeded": PARKED,
    "quotaExceeded": PARKED,
    "cannotDownloadAbusiveFile": ABUSIVE,
    "invalidAbuseAcknowledgment": ABUSIVE,
    "cannotDownloadFile": FORBIDDEN,
    "insufficientFilePermissions": FORBIDDEN,
    "appNotAuthorizedToFile": FORBIDDEN,
    "domainPolicy": FORBIDDEN,
    "fileNotDownloadable": NO_BYTES,
    "fileNotExportable": NO_BYTES,
    "exportSizeLimitExceeded": NO_BYTES,
    "sharingRateLimitExceeded": SLOWER,
    "automatedQueries": (CoolDown, "automated_queries"),
    "notFound": (SetAside, "not_found"),
    "requestedRangeNotSatisfiable": (Corrupt, "content_mismatch"),
    "internalError": TROUBLE,
    "backendError": TROUBLE,
    "badGateway": TROUBLE,
    "unavailable": TROUBLE,
    "gatewayTimeout": TROUBLE,
}


def test_every_refusal_of_the_emulator_is_among_those_tried_here() -> None:
    assert MEANINGS.keys() == PRESETS.keys()


@pytest.mark.parametrize("kind", ["list", "get", "media"])
@pytest.mark.parametrize("reason", MEANINGS)
async def test_a_refusal_means_the_same_for_every_kind_of_request(
    emulator: RunningEmulator, drive: Drive, reason: str, kind: str
) -> None:
    item_id = emulator.folder_id("faults")
    emulator.fault({"do": "refuse", "reason": reason}, kinds=[kind])
    with pytest.raises(Verdict) as caught:
        await ask(drive, kind, item_id)
    assert (type(caught.value), caught.value.reason) == MEANINGS[reason]


@pytest.mark.parametrize("style", ["classic", "v2"])
@pytest.mark.parametrize("reason", [name for name in MEANINGS if PRESETS[name].style != "html"])
async def test_an_error_with_status_200_for_a_download_is_recognised_by_its_words(
    emulator: RunningEmulator, drive: Drive, reason: str, style: str
) -> None:
    desk = Desk(drive, await entry_of(drive, emulator, "small.jpg"))
    refusal = {"do": "refuse", "reason": reason, "style": style, "status": 200, "sticky_s": 0}
    emulator.fault(refusal, kinds=["media"])
    why = await desk.refusal()
    emulator.clear_faults()
    usual = MEANINGS[reason] if style == PRESETS[reason].style == "classic" else None
    silent = {"drive_refused", "page_token_invalid", "not_found"}
    if usual is not None and usual[1] not in silent and reason != "loginRequired":
        assert (type(why), why.reason) == usual
    await desk.stored()
