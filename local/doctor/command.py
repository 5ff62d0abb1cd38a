"""`drivestream doctor [LINK]`: runs the checks in order."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from local.doctor.assumptions import assumptions
from local.doctor.client import BUDGET_UNITS, BudgetSpentError, DriveClient, drive_client
from local.doctor.configured import Configuration, settings
from local.doctor.drive import access, credentials
from local.doctor.findings import Finding, guarded, note, unchecked
from local.doctor.folder import folder, parsed
from local.doctor.network import network
from local.doctor.report import Report, Section
from local.doctor.servers import servers
from local.doctor.signed import signature
from local.doctor.versions import versions
from services.adapters.drive.settings import DriveSettings
from services.core.folder_link import FolderLink
from services.core.settings import SettingsError, read_settings

ACCESS_UNITS = 5


def examine(link: str | None, found: Configuration, announce: Callable[[str], None]) -> Report:
    """Check everything. `announce` is told what Drive will be asked, before it is asked."""
    report = Report(at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    def section(title: str, look: Callable[[], Sequence[Finding]]) -> None:
        report.sections.append(Section(title=title, findings=guarded(title, look)))

    section("Versions", versions)
    section("Settings", lambda: settings(found))
    section("Servers", lambda: servers(found))
    folder_link: FolderLink | None = None
    if link is not None:
        folder_link, findings = parsed(link)
        section("Link", lambda: findings)
    section("Drive", lambda: _drive(folder_link, found, report, announce))
    return report


def _drive(
    link: FolderLink | None,
    configuration: Configuration,
    report: Report,
    announce: Callable[[str], None],
) -> Sequence[Finding]:
    """Step by step. The first step that is wrong ends it: those after it depend on it."""
    try:
        drive = read_settings(configuration.known, DriveSettings.read)
    except SettingsError:
        return [unchecked("Drive", "not checked: its settings are wrong, see above")]
    found = list(credentials(drive, configuration.emulated))
    found += [] if _broken(found) else network(drive.api_url)
    if _broken(found):
        return found
    signed = signature(drive)
    if isinstance(signed, Finding):
        return [*found, signed]
    account = drive.credentials_file is not None
    units = BUDGET_UNITS if link else ACCESS_UNITS
    announce(
        f"Checking Drive. This uses at most {units:,} of usually 325,000 quota units a minute."
    )
    with drive_client(drive.api_url, signed) as client:
        found += access(client, account=account)
        if link and not _broken(found):
            found += guarded("Folder", lambda: _folder(client, link, report, account))
        report.units = client.units
    return found


def _folder(
    client: DriveClient, link: FolderLink, report: Report, account: bool
) -> Sequence[Finding]:
    try:
        listing, found = folder(client, link, account=account)
    except BudgetSpentError:
        return [
            note(
                "Folder", "Some checks were skipped because the announced quota units are used up."
            )
        ]
    if listing is not None:
        report.assumptions += assumptions(client, listing)
    return found


def _broken(found: Sequence[Finding]) -> bool:
    return any(finding.state == "wrong" for finding in found)
