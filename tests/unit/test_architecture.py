"""Dependencies point from services to adapters to core, and each vendor stays in one place."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("api", "lister", "transfer", "indexer", "monitor", "webhooks", "setup", "verifying")
WEB_FRAMEWORK = {"litestar", "uvicorn"}
LOOP_AND_LOGS = {"structlog", "uvloop"}
VALUES = {"msgspec"}
VENDORS = {
    "catalog": {"alembic", "psycopg", "sqlalchemy"},
    "drive": {"aiohttp", "google", "httpx", "httpx_aiohttp", "pyreqwest", "urllib3"},
    "kafka": {"confluent_kafka", "faust"},
    "tracing": {"opentelemetry", "prometheus_client"},
    "store": {"botocore", "minio", "obstore", "pyreqwest", "urllib3"},
    "webhooks": {"httpx", "standardwebhooks"},
}
"""Each outside system's adapter is a folder, and the only one that knows its vendors."""
SHARED = tuple(
    f"services.adapters.{name}" for name in ("cancellation", "environment", "request_errors")
)
"""What the environment may tell any vendor's library, and what one that two of them use says."""
SHARED_VENDORS = {"prometheus_client", "pyreqwest"}
OURS = {"services", "local", "drive_emulator", "tests", "bench"}


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The full dotted name of every module that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def outside(path: Path) -> set[str]:
    roots = {name.split(".")[0] for name in imported(path)}
    return roots - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize("path", python_files("services/core"), ids=lambda p: p.name)
def test_the_core_knows_nothing_but_itself_and_values(path: Path) -> None:
    assert outside(path) <= VALUES
    ours = {name for name in imported(path) if name.split(".")[0] in OURS}
    assert all(name.startswith("services.core") for name in ours)


@pytest.mark.parametrize("system", VENDORS)
def test_an_adapter_knows_its_own_vendors_and_the_core_and_no_other_adapter(system: str) -> None:
    for path in python_files(f"services/adapters/{system}"):
        ours = {name for name in imported(path) if name.split(".")[0] in OURS}
        allowed = ("services.core", f"services.adapters.{system}", *SHARED)
        assert all(name.startswith(allowed) for name in ours), path
        assert outside(path) <= VENDORS[system] | VALUES | LOOP_AND_LOGS, path


@pytest.mark.parametrize(
    "path", sorted((ROOT / "services/adapters").glob("*.py")), ids=lambda p: str(p.name)
)
def test_what_adapters_share_knows_them_and_the_core_and_no_service(path: Path) -> None:
    ours = {name for name in imported(path) if name.split(".")[0] in OURS}
    assert all(name.startswith(("services.core", "services.adapters")) for name in ours)
    assert outside(path) <= SHARED_VENDORS | VALUES | LOOP_AND_LOGS


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_knows_no_other_service_and_no_vendor(service: str) -> None:
    for path in python_files(f"services/{service}"):
        ours = {name for name in imported(path) if name.split(".")[0] in OURS}
        allowed = ("services.core", "services.adapters", f"services.{service}")
        assert all(name.startswith(allowed) for name in ours), path
        framework = WEB_FRAMEWORK if service == "api" else set()
        assert outside(path) <= VALUES | LOOP_AND_LOGS | framework, path


@pytest.mark.parametrize("service", ["api", "lister", "transfer", "indexer", "monitor", "webhooks"])
def test_every_service_has_a_main_that_wires_and_a_service_that_loops(service: str) -> None:
    names = {path.stem for path in python_files(f"services/{service}")}
    assert {"__main__", "service"} < names


def test_the_emulator_stands_on_its_own() -> None:
    for path in python_files("drive_emulator"):
        ours = {name.split(".")[0] for name in imported(path)} & OURS
        assert ours <= {"drive_emulator"}, path


def test_each_folder_of_the_emulator_uses_only_those_before_it() -> None:
    layers = [
        "http",
        "auth",
        "fields",
        "content",
        "tree",
        "drive_api",
        "quota",
        "faults",
        "control",
    ]
    for number, layer in enumerate(layers):
        for path in python_files(f"drive_emulator/{layer}"):
            used = {name.split(".")[1] for name in imported(path) if "drive_emulator." in name}
            assert used.isdisjoint(layers[number + 1 :]), path


def test_no_service_knows_the_tools_around_it() -> None:
    for path in python_files("services"):
        roots = {name.split(".")[0] for name in imported(path)}
        assert not roots & {"local", "drive_emulator", "tests", "bench"}, path


@pytest.mark.parametrize(
    "path",
    [p for f in ("services", "local", "drive_emulator", "bench") for p in python_files(f)],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_functions_stay_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, node.name
            if node.name == "__init__":
                assert len(node.args.args) + len(node.args.kwonlyargs) - 1 <= 6, node.lineno
