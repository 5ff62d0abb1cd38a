"""`drivestream doctor [LINK]`: the checks in order, and their report."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from local.doctor.ask import MOST_UNITS, Asker, SpentError, asking
from local.doctor.configured import Surroundings, settings
from local.doctor.drive import accepted, whose
from local.doctor.findings import Finding, Report, Section, guarded, note, unchecked
from local.doctor.folder import folder, parsed
from local.doctor.points import points
from local.doctor.reach import reach
from local.doctor.servers import servers
from local.doctor.signed import signature
from local.doctor.versions import versions
from services.adapters.drive.settings import DriveSettings
from services.core.folder_link import FolderLink
from services.core.settings import SettingsError, read_settings

Say = Callable[[str], None]


def examined(link: str | None, around: Surroundings, say: Say) -> Report:
    """Everything that can be checked; `say` is told beforehand what will be asked of Drive."""
    report = Report(at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    def section(title: str, look: Callable[[], Sequence[Finding]]) -> None:
        report.sections.append(Section(title=title, findings=guarded(title, look)))

    section("Versions", versions)
    section("Settings", lambda: settings(around))
    section("Servers", lambda: servers(around))
    known: FolderLink | None = None
    if link is not None:
        known, said = parsed(link)
        section("Link", lambda: said)
    section("Drive", lambda: _drive(known, around, report, say))
    return report


def _drive(
    link: FolderLink | None, around: Surroundings, report: Report, say: Say
) -> Sequence[Finding]:
    """Step by step; the first that is wrong ends it, since all that follows stands on it."""
    try:
        drive = read_settings(around.known, DriveSettings.read)
    except SettingsError:
        return [unchecked("Drive", "not asked: its settings are at fault, see above")]
    found = list(whose(drive, around.emulated))
    found += [] if _broken(found) else reach(drive.api_url)
    if _broken(found):
        return found
    signed = signature(drive)
    if isinstance(signed, Finding):
        return [*found, signed]
    account = drive.credentials_file is not None
    units = MOST_UNITS if link else 5
    say(f"Asking Drive: at most {units:,} units of its quota (of usually 325,000 a minute).")
    with asking(drive.api_url, signed) as ask:
        found += accepted(ask, account=account)
        if link and not _broken(found):
            found += guarded("Folder", lambda: _folder(ask, link, report, account))
        report.units = ask.units
    return found


def _folder(ask: Asker, link: FolderLink, report: Report, account: bool) -> Sequence[Finding]:
    try:
        listing, found = folder(ask, link, account=account)
    except SpentError:
        return [note("Folder", "Not all was asked: the units announced are used up.")]
    if listing is not None:
        report.points += points(ask, listing)
    return found


def _broken(found: Sequence[Finding]) -> bool:
    return any(finding.state == "wrong" for finding in found)
