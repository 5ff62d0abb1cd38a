"""The Drive emulator on one machine: stands in for Google where no API key is set."""

import sys

from local.paths import CHECKOUT
from local.run.processes import Command
from local.servers.health import answers
from local.servers.ports import LOOPBACK
from local.servers.server import Place, Server, nothing_to_prepare, plain_env

KEY = "emulator-key"


def emulator(place: Place) -> Server:
    """The emulator with its sample folder; EMULATOR_PORT moves it. No quota unless asked for."""
    port = place.port("EMULATOR_PORT", 28085, "the Drive emulator")
    url = f"http://{LOOPBACK}:{port}"
    # The sample's pictures are painted while the other servers start.
    argv = (sys.executable, "-m", "drive_emulator", "--render-sample", "--port", str(port))
    return Server(
        command=Command(name="emulator", argv=argv, env=plain_env(place.env), cwd=CHECKOUT),
        prepare=nothing_to_prepare,
        missing=lambda: answers("The Drive emulator", f"{url}/_emu/health"),
        gives={
            "DRIVE_API_URL": url,
            "GOOGLE_API_KEY": KEY,
            "DRIVE_QUOTA_UNITS_PER_MINUTE": place.env.get("DRIVE_QUOTA_UNITS_PER_MINUTE", "0"),
        },
    )
