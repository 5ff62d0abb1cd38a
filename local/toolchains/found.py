"""The version of a program on this machine."""

import re
import subprocess
from collections.abc import Mapping

from local.environment import for_programs

TIMEOUT_S = 60


def version(program: str, argument: str, pattern: str, env: Mapping[str, str]) -> tuple[int, ...]:
    """The groups of `pattern` in what the program says of itself, as numbers; () if it fails.

    It may be a stub (macOS has one for Java) or a link to a program that is gone.
    """
    try:
        done = subprocess.run(
            [program, argument],
            env=for_programs(env),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(pattern, done.stderr + done.stdout)
    return tuple(map(int, match.groups())) if match and done.returncode == 0 else ()
