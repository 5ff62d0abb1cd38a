"""What the environment may tell the programs that we start.

A program is told where things are, which language is spoken, whom to trust and which proxy there
is. Variables of its own would change what it does; they were set for another copy of it. Of those
that download, it keeps where its packages come from.
"""

import re
from collections.abc import Mapping

from local.bootstrap import SOURCE

FOR_ALL = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|LC_\w+|TZ|TZDIR|TMPDIR|XDG_\w+|LD_\w+"
    r"|DYLD_\w+|NIX_\w+|JAVA_HOME|DATA_DIR|SSL_CERT_(FILE|DIR)|(?i:(https?|all|no)_proxy)"
)
FOR_DOWNLOADS = re.compile(
    rf"{SOURCE.pattern}"
    r"|NODE_EXTRA_CA_CERTS|(?i:npm_config_(registry|\w*proxy|ca|cafile|cache|\w*config|strict_ssl"
    r"|fetch_\w+|\w*auth\w*|//.+))"
    r"|GO(PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|INSECURE|AUTH|CACHE|PATH|MODCACHE|TOOLCHAIN|TMPDIR)"
    r"|MAVEN_\w+|M2_HOME|NETRC|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
)


def for_programs(env: Mapping[str, str]) -> dict[str, str]:
    """For a server, or for a program that is asked for its version."""
    return {name: value for name, value in env.items() if FOR_ALL.fullmatch(name)}


def for_downloads(env: Mapping[str, str]) -> dict[str, str]:
    """For what downloads or builds: uv, npm, Go, Maven."""
    own = {name: value for name, value in env.items() if FOR_DOWNLOADS.fullmatch(name)}
    return for_programs(env) | own
