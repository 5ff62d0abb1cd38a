"""The services run on what their image holds: their own code, the locked packages, nothing else."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from services.core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
PINS = re.compile(r"^([a-z0-9][\w.-]*)(?:\[[^]]*\])?==\S+(.*)$", re.MULTILINE)
LEFT_OUT = re.compile(r"^RUN cd /packages && rm -r ((?:.*\\\n)*.*)$", re.MULTILINE)
PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:]
from services.loaded import main
main()
"""


def left_out() -> Sequence[str]:
    """Paths below the image's site-packages, some of them with a star."""
    listed: str
    [listed] = LEFT_OUT.findall((ROOT / "deploy/Dockerfile").read_text())
    return listed.replace("\\\n", " ").split()


def link(source: Path, target: Path, without: Sequence[str]) -> None:
    """What there is, as a link; a folder of which a part is left out is made anew."""
    if any(fnmatch(source.name, pattern) for pattern in without):
        return
    parts = [p.partition("/")[2] for p in without if p.startswith(f"{source.name}/")]
    if not parts:
        target.symlink_to(source)
        return
    target.mkdir()
    for each in source.iterdir():
        link(each, target / each.name, parts)


def link_locked_packages(into: Path) -> None:
    """Into a folder that takes the place of the image's site-packages."""
    installed, without = Path(sysconfig.get_paths()["purelib"]), left_out()
    for name, conditions in PINS.findall((ROOT / "requirements/services.txt").read_text()):
        try:
            files = distribution(name).files or ()
        except PackageNotFoundError:
            assert ";" in conditions, f"{name} is for every platform, but not installed"
            continue
        for top in {path.parts[0] for path in files} - {"..", "__pycache__"}:
            if not (into / top).exists():
                link(installed / top, into / top, without)


def test_every_module_of_the_services_loads_with_what_the_image_holds(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    link_locked_packages(packages)
    (tmp_path / "app").mkdir()
    (tmp_path / "app/services").symlink_to(ROOT / "services")
    argv = (sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path / "app"), str(packages))
    run = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"{VERSION}\n"


def test_the_version_is_that_of_the_package() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_all_that_is_left_out_is_there_to_be_left_out() -> None:
    installed = Path(sysconfig.get_paths()["purelib"])
    unknown = [each for each in left_out() if not list(installed.glob(each))]
    assert unknown in ([], ["bin"]), "rm would fail, and with it the build"
