"""The Drive emulator, which stands in for Google Drive when no credentials are set."""

import json
import sys
from dataclasses import dataclass
from http.client import HTTPException

from local.environment import for_programs
from local.paths import CHECKOUT
from local.servers.health import OPENER, http_problem
from local.servers.ports import LOOPBACK
from local.servers.server import Command, Context, Server, ServerError

KEY = "emulator-key"
PORT = 28085


def emulator(context: Context) -> Server:
    """The emulator with its sample folder. EMULATOR_PORT sets the port.

    There is no quota unless DRIVE_QUOTA_UNITS_PER_MINUTE sets one.
    """
    port = context.ports.claim("EMULATOR_PORT", PORT, "the Drive emulator")
    url = f"http://{LOOPBACK}:{port}"
    # It paints the sample's pictures while the other servers start.
    argv = (sys.executable, "-m", "drive_emulator", "--render-sample", "--port", str(port))
    return Server(
        command=Command(name="emulator", argv=argv, env=for_programs(context.env), cwd=CHECKOUT),
        not_ready=lambda: emulator_problem(url),
        settings={
            "DRIVE_API_URL": url,
            "GOOGLE_API_KEY": KEY,
            "DRIVE_QUOTA_UNITS_PER_MINUTE": context.env.get("DRIVE_QUOTA_UNITS_PER_MINUTE", "0"),
        },
    )


def emulator_problem(url: str) -> str | None:
    """None if an emulator answers at the address, else what went wrong."""
    return http_problem("The Drive emulator", f"{url}/_emu/health")


@dataclass(frozen=True)
class Sample:
    """The emulator's sample folder: its link, and how many pictures an import must find in it."""

    url: str
    pictures: int


def sample_folder(drive_url: str) -> Sample:
    """The first tree of the emulator; `ServerError` if something else answers there."""
    try:
        with OPENER.open(f"{drive_url}/_emu/trees", timeout=10) as response:
            first = json.load(response)["trees"][0]
        return Sample(url=str(first["folderUrl"]), pictures=int(first["pictures"]))
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise ServerError(f"The Drive API at {drive_url} has no sample folder: {error}") from None
