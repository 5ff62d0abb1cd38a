"""The compose files give each service its settings, and open nothing that should stay closed."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest

from drive_emulator.options import DEFAULT_KEY
from services.adapters import process
from services.adapters.worker import WorkerSettings
from services.api import __main__ as api
from services.api.imports import LARGEST_BODY
from services.api.replays import LARGEST_START
from services.core.settings import Reader
from services.indexer import __main__ as indexer
from services.monitor import __main__ as monitor
from services.setup import __main__ as setup
from services.transfer import __main__ as transfer
from services.webhooks import __main__ as webhooks
from tests import containers

ROOT = Path(__file__).resolve().parents[2]
READERS: Mapping[str, Callable[[Reader], object]] = {
    "setup": setup.provisioners,
    "api": api.Settings.read,
    "lister": WorkerSettings.read,
    "transfer": transfer.Settings.read,
    "indexer": indexer.Settings.read,
    "monitor": monitor.Settings.read,
    "webhooks": webhooks.Settings.read,
}
OF_OTHER_SERVERS = {
    *("AWS_SESSION_TOKEN", "AWS_PROFILE", "S3_ADDRESSING_STYLE", "S3_CA_FILE"),
    *("S3_SERVER_SIDE_ENCRYPTION", "S3_KMS_KEY_ID"),
    *("KAFKA_SECURITY_PROTOCOL", "KAFKA_CA_FILE", "KAFKA_SASL_MECHANISM"),
    *("KAFKA_USERNAME", "KAFKA_PASSWORD", "DATABASE_READ_URL"),
}
"""Settings that the servers of the compose files have no use for."""
WORKERS = sorted(READERS.keys() - {"setup", "api"})
SERVERS = ("kafka", "minio", "postgres")
OURS = [*READERS, "web", "emulator"]
WATCHERS = ("prometheus", "grafana", "jaeger")
FILES = ("compose.yaml", "deploy/demo.yaml")
# ${NAME} or ${NAME:-default}, innermost first. The files use no other form.
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^${}]*))?\}")


class Dependency(msgspec.Struct):
    """What must be true of a service before another one starts."""

    condition: str


class Check(msgspec.Struct):
    """A health check."""

    test: list[str]


class Service(msgspec.Struct):
    """The parts of a service that these tests read."""

    image: str = ""
    command: list[str] = []
    volumes: list[str] = []
    environment: dict[str, str | int] = {}
    ports: list[str] = []
    healthcheck: Check | None = None
    depends_on: dict[str, Dependency] = {}
    restart: str = ""
    stop_grace_period: str = ""
    mem_limit: str = ""
    logging: dict[str, object] = {}
    read_only: bool = False
    tmpfs: list[str] = []
    extra_hosts: list[str] = []
    cap_drop: list[str] = []
    security_opt: list[str] = []


class Compose(msgspec.Struct):
    """A compose file."""

    services: dict[str, Service]


class Instruction(NamedTuple):
    """One instruction of a Dockerfile."""

    name: str
    arguments: str


class Recorded(Mapping[str, str]):
    """An environment that records which names were read."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env, self.read = env, set[str]()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)


def text(name: str) -> str:
    return (ROOT / name).read_text()


def filled(name: str, env: Mapping[str, str]) -> Compose:
    """The file with its variables filled in."""
    return msgspec.convert(_filled(msgspec.yaml.decode(text(name)), env), Compose)


def _filled(part: object, env: Mapping[str, str]) -> object:
    """Like Compose: innermost variables first, and an empty value takes the default."""
    if isinstance(part, dict):
        return {key: _filled(value, env) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, env) for value in part]
    if not isinstance(part, str):
        return part
    while VARIABLE.search(part):
        part = VARIABLE.sub(lambda m: env.get(m[1]) or m[2] or "", part)
    assert "$" not in part, "a form of variable that this test does not know"
    return part


def stages(name: str) -> list[list[Instruction]]:
    """The build stages of a Dockerfile, each beginning with its FROM."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", text(name), flags=re.MULTILINE))
    built: list[list[Instruction]] = []
    for line in filter(None, joined.splitlines()):
        instruction = Instruction(*line.split(maxsplit=1))
        if instruction.name == "FROM":
            built.append([])
        built[-1].append(instruction)
    return built


def services(env: Mapping[str, str] | None = None) -> dict[str, Service]:
    return filled("compose.yaml", env or {}).services


def all_services() -> dict[str, Service]:
    """The services of both files."""
    return {**filled("deploy/demo.yaml", {}).services, **services()}


def environment(service: Service) -> dict[str, str]:
    return {name: str(value) for name, value in service.environment.items()}


def sample_env() -> dict[str, str]:
    lines = [line for line in text(".env.example").splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", READERS)
def test_each_service_gets_exactly_the_settings_that_it_reads(name: str) -> None:
    env = Recorded(environment(services()[name]))
    reader = Reader(env)
    READERS[name](reader)
    assert reader.faults == []
    assert set(env) == env.read - OF_OTHER_SERVERS


@pytest.mark.parametrize("name", ["api", "lister", "transfer"])
def test_the_demo_changes_only_the_settings_for_drive(name: str) -> None:
    own = environment(filled("deploy/demo.yaml", {}).services[name])
    assert own.keys() == {
        "DRIVE_API_URL",
        "GOOGLE_API_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "DRIVE_QUOTA_UNITS_PER_MINUTE",
    }
    assert own["GOOGLE_APPLICATION_CREDENTIALS"] == ""
    assert own["DRIVE_QUOTA_UNITS_PER_MINUTE"] == "0"
    assert own["GOOGLE_API_KEY"] == DEFAULT_KEY
    address = urlsplit(own["DRIVE_API_URL"])
    assert address.hostname == "emulator"
    assert str(address.port) in all_services()["emulator"].command


def test_clients_get_the_addresses_and_passwords_of_the_servers() -> None:
    chosen = {
        "MINIO_ROOT_USER": "somebody",
        "MINIO_ROOT_PASSWORD": "one-secret",
        "POSTGRES_PASSWORD": "another-secret",
        "MINIO_PORT": "1234",
    }
    composed = services(chosen)
    kafka, minio, postgres = (environment(composed[name]) for name in SERVERS)
    client = environment(composed["api"])
    bootstrap = client["KAFKA_BOOTSTRAP_SERVERS"]
    assert f"INSIDE://{bootstrap}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert client["S3_ENDPOINT_URL"] == "http://minio:9000"
    assert client["AWS_ACCESS_KEY_ID"] == minio["MINIO_ROOT_USER"] == "somebody"
    assert client["AWS_SECRET_ACCESS_KEY"] == minio["MINIO_ROOT_PASSWORD"] == "one-secret"
    database = urlsplit(client["DATABASE_URL"])
    assert (database.hostname, database.port) == ("postgres", 5432)
    assert database.username == postgres["POSTGRES_USER"]
    assert database.password == postgres["POSTGRES_PASSWORD"] == "another-secret"
    assert database.path == f"/{postgres['POSTGRES_DB']}"


def test_the_key_file_of_a_service_account_is_mounted_only_if_there_is_one() -> None:
    for name in ("api", "lister", "transfer"):
        given = services({"GOOGLE_APPLICATION_CREDENTIALS": "/home/me/key.json"})[name]
        assert given.volumes == ["/home/me/key.json:/home/me/key.json:ro"]
        assert environment(given)["GOOGLE_APPLICATION_CREDENTIALS"] == "/home/me/key.json"
        [nothing] = services()[name].volumes
        assert nothing.startswith("/dev/null:")


def test_browsers_reach_the_store_at_its_published_port() -> None:
    for env in ({}, {"MINIO_PORT": "1234"}):
        composed = services(env)
        published = urlsplit(environment(composed["api"])["S3_PUBLIC_URL"]).netloc
        assert f"{published}:9000" in composed["minio"].ports


def test_clients_on_this_machine_reach_kafka_at_its_published_port() -> None:
    for env in ({}, {"KAFKA_PORT": "1234"}):
        kafka = services(env)["kafka"]
        listeners = environment(kafka)["KAFKA_ADVERTISED_LISTENERS"].split(",")
        outside = next(each for each in listeners if each.startswith("OUTSIDE://"))
        assert f"{outside.removeprefix('OUTSIDE://')}:29092" in kafka.ports


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in all_services().values() for port in service.ports]
    assert len(published) == 10
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_image_is_pinned() -> None:
    images = [service.image for service in all_services().values()]
    for dockerfile in ("deploy/Dockerfile", "web/Dockerfile"):
        bases = [stage[0].arguments.split() for stage in stages(dockerfile)]
        own = {words[-1] for words in bases if "AS" in words}
        images += [words[0] for words in bases if words[0] not in own]
    assert len(images) == len(all_services()) + 3
    for image in images:
        tag = image.partition(":")[2]
        assert tag not in ("", "latest"), image


def test_container_tests_use_the_same_images() -> None:
    composed = services()
    assert [composed[name].image for name in SERVERS] == [
        containers.KAFKA_IMAGE,
        containers.MINIO_IMAGE,
        containers.POSTGRES_IMAGE,
    ]


def test_setup_waits_for_the_servers_and_the_services_wait_for_setup() -> None:
    composed = services()
    waits = {name: each.condition for name, each in composed["setup"].depends_on.items()}
    assert waits == dict.fromkeys(SERVERS, "service_healthy")
    for name in READERS.keys() - {"setup"}:
        assert composed[name].depends_on["setup"].condition == "service_completed_successfully", (
            name
        )


def test_every_service_that_must_be_healthy_has_a_health_check() -> None:
    every = all_services()
    for name, service in every.items():
        for other, dependency in service.depends_on.items():
            healthy = dependency.condition == "service_healthy"
            assert not healthy or every[other].healthcheck, f"{name} waits for {other}"
    assert [each for each in stages("web/Dockerfile")[-1] if each.name == "HEALTHCHECK"]


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_asked_whether_it_can_work(name: str) -> None:
    service = services()[name]
    assert service.healthcheck is not None
    *command, port = service.healthcheck.test
    assert command == ["CMD", "python", "-m", "services.healthy"]
    assert port == environment(service)["METRICS_PORT"]


def test_the_api_is_asked_whether_it_is_ready() -> None:
    service = services()["api"]
    assert service.healthcheck is not None
    command = ["CMD", "python", "-m", "services.healthy", environment(service)["PORT"]]
    assert service.healthcheck.test == command


def test_the_health_check_of_kafka_speaks_its_protocol() -> None:
    check = services()["kafka"].healthcheck
    assert check is not None
    bootstrap = environment(services()["api"])["KAFKA_BOOTSTRAP_SERVERS"]
    assert f"/dev/tcp/{bootstrap.replace(':', '/')} " in check.test[-1]


def test_everything_but_setup_restarts_by_itself() -> None:
    restarts = {name: each.restart for name, each in services().items()}
    assert restarts.pop("setup") == "no"
    assert set(restarts.values()) == {"unless-stopped"}


@pytest.mark.parametrize("name", READERS)
def test_a_service_has_time_to_stop(name: str) -> None:
    seconds = int(services()[name].stop_grace_period.removesuffix("s"))
    limits = process.StopLimits()
    assert seconds > limits.finish + limits.clean_up + process.SPARE_SECONDS


@pytest.mark.parametrize("name", OURS)
def test_an_image_of_ours_may_write_nothing_but_temporary_files(name: str) -> None:
    service = all_services()[name]
    assert service.read_only
    assert "/tmp" in service.tmpfs
    assert service.cap_drop == ["ALL"]


@pytest.mark.parametrize("name", all_services())
def test_no_container_gains_rights_or_takes_the_whole_machine(name: str) -> None:
    service = all_services()[name]
    assert service.security_opt == ["no-new-privileges:true"]
    assert service.mem_limit
    assert service.stop_grace_period
    assert service.logging["options"] == {"max-size": "10m", "max-file": "3"}


@pytest.mark.parametrize("name", READERS)
def test_a_service_reaches_servers_on_this_machine_by_name(name: str) -> None:
    assert services()[name].extra_hosts == ["host.docker.internal:host-gateway"]


def test_the_proxy_of_the_page_leaves_limits_of_bodies_to_the_api() -> None:
    [limit] = re.findall(r"client_max_body_size (\d+)m;", text("web/nginx.conf.template"))
    assert int(limit) * 1024 * 1024 > max(LARGEST_BODY, LARGEST_START)


def test_the_proxy_of_the_page_logs_no_access_tokens() -> None:
    server = text("web/nginx.conf.template")
    [(name, logged)] = re.findall(r"log_format (\w+) ([^;]+);", server)
    assert re.findall(r"access_log (?!off)\S+ ?(.*);", server) == [name]
    with_query = {"request", "request_uri", "args", "query_string", "http_referer"}
    assert not with_query & set(re.findall(r"\$(\w+)", logged))
    # Lines below this level quote the request.
    assert re.findall(r"error_log \S+ (.*);", server) == ["crit"]


def test_no_image_of_ours_runs_as_root() -> None:
    started = [stage for stage in stages("deploy/Dockerfile") if stage[-1].name == "CMD"]
    assert len(started) == 2
    for stage in started:
        users = [each.arguments for each in stage if each.name == "USER"]
        assert users[-1] == "drivestream"


def test_the_sample_settings_are_the_defaults_of_the_files() -> None:
    used = {name for file in FILES for name in re.findall(r"\$\{(\w+)", text(file))}
    assert sample_env().keys() == used
    for name in FILES:
        assert filled(name, sample_env()) == filled(name, {})


def test_no_settings_are_copied_into_an_image() -> None:
    rules = [line for line in text(".dockerignore").splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    kept = [rule for rule in rules if rule.startswith("!")]
    assert kept == ["!requirements/*.txt", "!services", "!drive_emulator"]


@pytest.mark.parametrize("name", ["services", "emulator"])
def test_an_image_has_the_versions_that_are_tested(name: str) -> None:
    pins, tested = (
        set(re.findall(r"^[a-z][^ ]*==[^ ]+", text(f"requirements/{each}.txt"), re.MULTILINE))
        for each in (name, "all")
    )
    assert pins
    assert pins <= tested
