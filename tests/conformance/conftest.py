"""One emulator behind its proxy, and an environment in which nothing else can be reached."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from drive_emulator.testing import RunningEmulator, running_emulator
from tests.conformance.tree import GROUPED, SPEC


@pytest.fixture(scope="session")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator with the trees of this folder, all of whose pictures are rendered."""
    folder = tmp_path_factory.mktemp("authority")
    options = ["--proxy-port", "0", "--ca-dir", str(folder)]
    with running_emulator(options=options) as drive:
        for spec in (SPEC, GROUPED):
            drive.add_tree(spec, render=True)
        yield drive


@pytest.fixture(scope="session")
def account(drive: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON key file of a service account."""
    return drive.service_account(tmp_path_factory.mktemp("account") / "account.json")


@pytest.fixture(scope="session")
def environment(drive: RunningEmulator) -> dict[str, str]:
    """Every address except this machine's goes to the proxy, which refuses all but Google's hosts.

    So a client that would leave the machine fails at once. Each client has a name of its own for
    the certificates to trust.
    """
    told = drive.addresses()
    proxies = dict.fromkeys(
        ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"), told["proxy"]
    )
    trust = dict.fromkeys(("HTTPLIB2_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), told["ca"])
    direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **proxies, **trust, **direct}
