"""Drive itself: the way to it, who asks, whether that is accepted, and whether the clocks agree."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from local.doctor.ask import Answer, Asker
from local.doctor.findings import Finding, note, wrong
from services.adapters.drive.problem import is_automated_queries_block
from services.adapters.drive.refusals import ItemKind, RefusalContext, verdict
from services.adapters.drive.settings import GOOGLE, DriveSettings
from services.core.errors import Verdict
from services.core.reasons import KEY_REFUSED, NOT_FOUND

MADE_UP = "1DrivestreamDoctorMadeThisIdUp00"
UNFORESEEN = "drive_refused"
"""The one verdict whose message quotes the answer."""
SKEW_WORTH_KNOWING, SKEW_WRONG = 30.0, 240.0
"""Seconds. A service account's assertion is refused at five minutes, S3's signatures at fifteen."""
NO_GOOGLE = (
    "What answers there is not Google Drive: a sign-in page of the network, a proxy, or another "
    "server. Open the address in a browser, and check DRIVE_API_URL."
)
NEW_KEY = "Make a key in Google's console (APIs & services, Credentials) and set GOOGLE_API_KEY."


def whose(settings: DriveSettings, emulator: bool) -> Sequence[Finding]:
    """Which Drive is asked, and who asks it."""
    where = "Google's" if settings.api_url == GOOGLE else "another than Google's"
    found = [Finding(check="Address", seen="the emulator of this machine" if emulator else where)]
    if settings.credentials_file:
        beside = " (GOOGLE_API_KEY is set too, and not used)" if settings.api_key.reveal() else ""
        seen = f"a service account, GOOGLE_APPLICATION_CREDENTIALS{beside}"
        return [*found, Finding(check="Credentials", seen=seen)]
    if settings.api_key.reveal():
        return [*found, Finding(check="Credentials", seen="an API key, GOOGLE_API_KEY")]
    seen = "Neither GOOGLE_API_KEY nor GOOGLE_APPLICATION_CREDENTIALS is set."
    return [*found, wrong("Credentials", seen, NEW_KEY)]


def accepted(ask: Asker, *, account: bool) -> Sequence[Finding]:
    """Asks for a file that there is not: whoever is told so has been let in."""
    answer = ask.get(MADE_UP, {"fields": "id"})
    found = [judged(answer, "Access", ItemKind.ITEM, account=account)]
    if answer.status:
        found.append(clock(answer.headers))
    return found


def judged(answer: Answer, check: str, kind: ItemKind, *, account: bool) -> Finding:
    """What the services would make of a refusal; being told that there is nothing is access."""
    if answer.failure:
        return wrong(check, f"No answer could be had: {answer.failure}.", NO_GOOGLE)
    if answer.status == 200 and not answer.document():
        return wrong(check, f"200, but no JSON: {answer.words()}.", NO_GOOGLE)
    why = meaning(answer, kind, account=account)
    if is_automated_queries_block(answer.refusal):
        return wrong(check, why.message, "Wait some minutes; then ask slower, or with an account.")
    if kind is ItemKind.ITEM and why.reason == NOT_FOUND:
        if "notFound" not in answer.said.reasons:
            return wrong(check, f"It does not speak as Drive does: {answer.words()}.", NO_GOOGLE)
        seen = "the service account" if account else "the API key"
        return Finding(check=check, seen=f"{seen} is accepted, and the Drive API is enabled")
    seen = f"It was answered: {answer.words()}" if why.reason == UNFORESEEN else why.message
    return wrong(check, seen, _todo(why, account=account))


def meaning(answer: Answer, kind: ItemKind, *, account: bool) -> Verdict:
    """The verdict of the table that the services go by."""
    now = datetime.now(UTC)
    return verdict(answer.refusal, RefusalContext(kind=kind, now=now, service_account=account))


def _todo(why: Verdict, *, account: bool) -> str:
    if account:
        return "Make a new key for the account, and see that the Drive API is enabled for it."
    return {
        KEY_REFUSED: f"{NEW_KEY} If the key is restricted, allow the Drive API and this address.",
        "drive_api_disabled": "Enable “Google Drive API” in the library of the key's project.",
    }.get(why.reason, "If it lasts, report it together with this text.")


def clock(headers: Mapping[str, str]) -> Finding:
    """How far this machine's clock is from theirs."""
    try:
        theirs = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return note("Clock", "not compared: the answer has no date")
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    ahead = (datetime.now(UTC) - theirs).total_seconds()
    seen = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Drive's"
    todo = "Set this machine's clock (NTP): signatures of requests carry the time."
    if abs(ahead) > SKEW_WRONG:
        return wrong("Clock", f"It is {seen}.", todo)
    return (
        note("Clock", seen, todo)
        if abs(ahead) > SKEW_WORTH_KNOWING
        else Finding(check="Clock", seen="agrees with Drive's")
    )
