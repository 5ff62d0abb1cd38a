"""Creates the environment in .venv with nothing but Python. `make` runs it as a script.

All packages are pinned with hashes. A stamp file records what the environment was made from: if
nothing has changed, there is nothing to do. It is written last, so an interrupted run is repeated.
"""

import os
import sys
from _signal import (  # type: ignore[import-not-found] # built in; `signal` itself loads others
    SIG_IGN,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

INTERRUPTED = 130


def _leave(*_signal: object) -> None:
    """Nothing has been started yet."""
    os.write(2, b"Interrupted. Run the same command again to continue.\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__" and getsignal(SIGINT) is default_int_handler:  # else a script ignores it
    signal(SIGINT, _leave)

# Loading these takes a moment, in which Ctrl-C must already end it in one line.
import hashlib
import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
STAMP = VENV / ".drivestream-complete"
LOCKS = (CHECKOUT / "requirements" / "all.txt", CHECKOUT / "requirements" / "uv.txt")
HASHED = "--require-hashes"
SOURCE = re.compile(
    r"(PIP|UV)_\w*(INDEX|FIND_LINKS|CERT|TLS|PROXY|TIMEOUT|RETRIES|CACHE_DIR|_HOST|KEYRING|USERNAME"
    r"|PASSWORD|CONFIG_FILE|LINK_MODE|OFFLINE)\w*"
)
"""What pip and uv may be told: where packages come from, not where they go."""


class SetUpError(Exception):
    """The environment could not be created. The message says what to do."""


def wanted() -> str:
    """A digest of everything that decides what the environment contains."""
    total = hashlib.sha256(str(CHECKOUT).encode())
    for path in (*LOCKS, CHECKOUT / "pyproject.toml", Path(__file__)):
        total.update(path.read_bytes())
    return total.hexdigest()


def complete() -> bool:
    """Whether the environment is up to date and its Python still runs."""
    return STAMP.exists() and STAMP.read_text() == wanted() and _runs(PYTHON, "--version")


def make() -> None:
    """Create the environment, or bring it up to date."""
    STAMP.unlink(missing_ok=True)
    if not _runs(PYTHON, "-m", "pip", "--version") and not _runs(UV, "--version"):
        _make_venv()
    if not _runs(UV, "--version") or _uv_version() not in LOCKS[1].read_text():
        # Reinstalled: an interrupted run may have recorded it as installed without its files.
        pip = (PYTHON, "-m", "pip", "install", "-q", "--force-reinstall", HASHED)
        _do("Installing uv", *pip, "-r", LOCKS[1])
    _do("Installing the packages", UV, "pip", "sync", "-q", "--python", PYTHON, HASHED, *LOCKS)
    own = ("install", "-q", "--python", PYTHON, "--no-deps", "--no-build-isolation", "-e", CHECKOUT)
    _do("Installing Drivestream itself", UV, "pip", *own)
    _write_path()
    STAMP.write_text(wanted())


def _write_path() -> None:
    """Lead Python to the checkout by a relative path. It reads this file in the locale's encoding:
    in the locale C it would not start where the checkout's name has an accent."""
    for path in VENV.glob("lib/python*/site-packages/_editable_impl_drivestream.pth"):
        path.write_text(os.path.relpath(CHECKOUT, path.parent) + "\n")


def _make_venv() -> None:
    try:
        import ensurepip
        import venv
    except ImportError as error:
        raise SetUpError(
            f"This Python, {sys.executable}, has no module {error.name}. On Debian and Ubuntu: "
            f"apt install python{sys.version_info.major}.{sys.version_info.minor}-venv"
        ) from None
    del ensurepip, venv
    _do("Creating .venv", sys.executable, "-m", "venv", "--clear", VENV)


def _uv_version() -> str:
    argv = (UV, "--version")
    said = subprocess.run(argv, capture_output=True, text=True, env=_env(), check=False).stdout
    return "uv==" + "".join(said.split()[1:2])


def _runs(program: Path, *arguments: str) -> bool:
    try:
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=_env(),
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _do(doing: str, *argv: str | Path) -> None:
    print(f"{doing} ...", file=sys.stderr, flush=True)
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, env=_env(), check=False)
    if done.returncode != 0:
        raise SetUpError(f"{doing} failed (see above). Run the same command again to continue.")


def _env() -> dict[str, str]:
    """Another environment that is active must not be mistaken for ours."""
    others = ("PYTHON", "VIRTUAL_ENV", "PIP_", "UV_")
    given = os.environ.items()
    return {n: v for n, v in given if not n.startswith(others) or SOURCE.fullmatch(n)}


def main() -> int:
    """The exit code: 0 once the environment is complete."""
    if getsignal(SIGINT) is _leave:
        signal(SIGINT, default_int_handler)
    try:
        if getsignal(SIGINT) is _leave:
            signal(SIGINT, default_int_handler)
        if not complete():
            make()
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Run the same command again to continue.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    code = main()
    signal(SIGINT, SIG_IGN)  # the interpreter would end with a traceback
    sys.exit(code)
