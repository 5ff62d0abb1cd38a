"""Access to Drive: which Drive, which credentials, whether it accepts them, and its clock."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from local.doctor.client import Answer, DriveClient
from local.doctor.findings import Finding, note, wrong
from services.adapters.drive.refusals import ItemKind, is_automated_queries_block, verdict
from services.adapters.drive.settings import GOOGLE, DriveSettings
from services.core.errors import KEY_REFUSED, NOT_FOUND, Verdict

UNKNOWN_ID = "1DrivestreamDoctorMadeThisIdUp00"
UNEXPECTED = "drive_refused"
"""The reason of the only verdict whose message quotes the answer."""
SKEW_NOTABLE, SKEW_WRONG = 30.0, 240.0
"""Seconds. Google refuses assertions that are off by five minutes, S3 signatures by fifteen."""
NO_GOOGLE = (
    "The server is not Google Drive. It may be the network's sign-in page, a proxy, or another "
    "server. Open the URL in a browser, and check DRIVE_API_URL if it is set."
)
NEW_KEY = "Create a key in Google's console (APIs & Services, Credentials), and set GOOGLE_API_KEY."


def credentials(settings: DriveSettings, emulator: bool) -> Sequence[Finding]:
    """Which Drive is used, and with which credentials."""
    where = "Google's" if settings.api_url == GOOGLE else "not Google's, see DRIVE_API_URL"
    found = [Finding(check="Address", seen="the emulator on this machine" if emulator else where)]
    if settings.credentials_file:
        beside = " (GOOGLE_API_KEY is also set, but not used)" if settings.api_key.reveal() else ""
        seen = f"a service account, GOOGLE_APPLICATION_CREDENTIALS{beside}"
        return [*found, Finding(check="Credentials", seen=seen)]
    if settings.api_key.reveal():
        return [*found, Finding(check="Credentials", seen="an API key, GOOGLE_API_KEY")]
    seen = "Neither GOOGLE_API_KEY nor GOOGLE_APPLICATION_CREDENTIALS is set."
    todo = f"{NEW_KEY} Without one, `drivestream up` uses the emulator."
    return [*found, wrong("Credentials", seen, todo)]


def access(client: DriveClient, *, account: bool) -> Sequence[Finding]:
    """Asks for a file that does not exist. The answer says so only if the credentials are good."""
    answer = client.get(UNKNOWN_ID, {"fields": "id"})
    found = [judged(answer, "Access", "item", account=account)]
    if answer.status:
        found.append(clock(answer.headers))
    return found


def judged(answer: Answer, check: str, kind: ItemKind, *, account: bool) -> Finding:
    """What the services would make of the answer. That the file is not found means access."""
    if answer.failure:
        return wrong(check, f"There was no response: {answer.failure}.", NO_GOOGLE)
    if answer.status == 200 and not answer.document():
        return wrong(check, f"The response is 200, but not JSON: {answer.summary()}.", NO_GOOGLE)
    why = meaning(answer, kind, account=account)
    if is_automated_queries_block(answer.refusal):
        return wrong(
            check,
            why.message,
            "Wait a few minutes, then send fewer requests or use a service account.",
        )
    if kind == "item" and why.reason == NOT_FOUND:
        if "notFound" not in answer.said.reasons:
            return wrong(
                check, f"The response is not what Drive sends: {answer.summary()}.", NO_GOOGLE
            )
        seen = "the service account" if account else "the API key"
        return Finding(check=check, seen=f"{seen} is accepted, and the Drive API is enabled")
    seen = f"Response: {answer.summary()}" if why.reason == UNEXPECTED else why.message
    return wrong(check, seen, _todo(why, account=account))


def meaning(answer: Answer, kind: ItemKind, *, account: bool) -> Verdict:
    """The verdict of the services."""
    return verdict(replace(answer.refusal, kind=kind, service_account=account))


def _todo(why: Verdict, *, account: bool) -> str:
    if account:
        return "Create a new key for the account, and enable the Drive API for its project."
    return {
        KEY_REFUSED: f"{NEW_KEY} If the key is restricted, allow the Drive API and this address.",
        "drive_api_disabled": "Enable the Google Drive API for the project of the key.",
    }.get(why.reason, "If this persists, report it with this output.")


def clock(headers: Mapping[str, str]) -> Finding:
    """How far this machine's clock is from Drive's."""
    try:
        theirs = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return note("Clock", "not compared: the answer has no date")
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    ahead = (datetime.now(UTC) - theirs).total_seconds()
    seen = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Drive's"
    todo = "Correct this machine's clock (with NTP). Requests are signed with the time."
    if abs(ahead) > SKEW_WRONG:
        return wrong("Clock", f"It is {seen}.", todo)
    if abs(ahead) > SKEW_NOTABLE:
        return note("Clock", seen, todo)
    return Finding(check="Clock", seen="agrees with Drive's")
