"""A shell has variables for other programs. No library of ours may read them."""

import os
import subprocess
import sys

import pytest

from local.paths import CHECKOUT
from services.adapters.environment import proxy_for

pytestmark = pytest.mark.real
# Each breaks one library, or changes what it does, as soon as it is imported or made.
BREAKING = {
    "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
    "prometheus_multiproc_dir": "/nowhere",
    "PSYCOPG_IMPL": "theirs",
    "PSYCOPG_WAIT_FUNC": "theirs",
    "OTEL_PROPAGATORS": "theirs",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "LITESTAR_DEBUG": "1",
    "WEB_CONCURRENCY": "many",
}
LOAD = """
import ssl, sys
import services.api.__main__, services.indexer.__main__, services.lister.__main__
import services.setup.__main__, services.transfer.__main__
import opentelemetry.propagate, psycopg.waiting, uvicorn
from litestar import Litestar
from services.adapters.work_metrics import WorkMetrics
metrics = WorkMetrics()
metrics.called("drive", 1.0, "ok")
assert any(metrics.collect())
assert not Litestar().debug
ssl.create_default_context()
assert uvicorn.Config("x").workers == 1
"""


def test_no_library_hears_of_what_is_for_another_program() -> None:
    """Each of them, by itself, ends this script with an error otherwise."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=CHECKOUT,
        env=os.environ | BREAKING,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("proxy", ["http://proxy.test:3128", "socks5://127.0.0.1:1080", "::bad"])
@pytest.mark.parametrize("host", ["127.0.0.1:29000", "localhost:3000", "[::1]:9", "s3.localhost"])
def test_this_machine_is_never_reached_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: str, host: str
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert proxy_for(f"http://{host}") is None
