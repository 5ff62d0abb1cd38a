"""Where the settings come from: the environment, a copy that runs, or an emulator that does."""

from collections.abc import Mapping
from contextlib import suppress

from local.doctor.configured import Surroundings
from local.run.data_folder import Home
from local.servers.emulator import KEY
from local.servers.health import answers
from local.servers.ports import LOOPBACK

EMULATOR_PORT = "28085"
OWN = ("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "DRIVE_API_URL")


def surroundings(env: Mapping[str, str], home: Home) -> Surroundings:
    """As `drivestream status` finds them; without a key, the emulator at its usual port counts."""
    copy = None
    with suppress(OSError):  # a DATA_DIR that cannot be read holds no copy of ours
        copy = home.running()
    if copy:
        copied, own = dict(copy.settings), any(env.get(name) for name in OWN)
        emulated = copied.get("GOOGLE_API_KEY") == KEY and not own
        return Surroundings(env=env, copy=copied, running=True, emulated=emulated)
    if any(env.get(name) for name in OWN):
        return Surroundings(env=env)
    port = env.get("EMULATOR_PORT", "")
    url = f"http://{LOOPBACK}:{port if port.isdecimal() else EMULATOR_PORT}"
    if answers("The emulator", f"{url}/_emu/health", 1.0):
        return Surroundings(env=env)
    given = {"DRIVE_API_URL": url, "GOOGLE_API_KEY": KEY}
    return Surroundings(env=env, copy=given, emulated=True)
