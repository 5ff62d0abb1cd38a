"""The compose files say what the services read, and let in nobody who should stay out."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from drive_emulator.__main__ import USUAL_KEY
from services.adapters import process
from services.adapters.worker import WorkerSettings
from services.api import __main__ as api
from services.core.settings import Reader
from services.indexer import __main__ as indexer
from services.setup import __main__ as setup
from services.transfer import __main__ as transfer
from tests import containers

ROOT = Path(__file__).resolve().parents[2]
READERS: Mapping[str, Callable[[Reader], object]] = {
    "setup": setup._steps,
    "api": api.Settings.read,
    "lister": WorkerSettings.read,
    "transfer": transfer.Settings.read,
    "indexer": indexer.Settings.read,
}
SERVERS = ("kafka", "minio", "postgres")
FILES = ("compose.yaml", "deploy/demo.yaml")
# The innermost of ${NAME} and ${NAME:-default}: all that the files may use.
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^${}]*))?\}")


class Awaited(msgspec.Struct):
    """What must be true of a service before another is started."""

    condition: str


class Check(msgspec.Struct):
    """A health check."""

    test: list[str]


class Service(msgspec.Struct):
    """As much of a service as is looked at here."""

    image: str = ""
    command: list[str] = []
    volumes: list[str] = []
    environment: dict[str, str | int] = {}
    ports: list[str] = []
    healthcheck: Check | None = None
    depends_on: dict[str, Awaited] = {}
    restart: str = ""
    stop_grace_period: str = ""
    mem_limit: str = ""
    read_only: bool = False
    cap_drop: list[str] = []


class Compose(msgspec.Struct):
    """A compose file."""

    services: dict[str, Service]


class Recorded(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env, self.asked = env, set[str]()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)


def text(name: str) -> str:
    return (ROOT / name).read_text()


def filled(name: str, env: Mapping[str, str]) -> Compose:
    """The file with its variables replaced."""
    return msgspec.convert(_filled(msgspec.yaml.decode(text(name)), env), Compose)


def _filled(part: object, env: Mapping[str, str]) -> object:
    """As Compose does: in texts, from the inside out, and what is empty takes the default."""
    if isinstance(part, dict):
        return {key: _filled(value, env) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, env) for value in part]
    if not isinstance(part, str):
        return part
    while VARIABLE.search(part):
        part = VARIABLE.sub(lambda m: env.get(m[1]) or m[2] or "", part)
    assert "$" not in part, "a kind of variable that this test does not know"
    return part


def services(env: Mapping[str, str] | None = None) -> dict[str, Service]:
    return filled("compose.yaml", env or {}).services


def all_services() -> dict[str, Service]:
    """Of both files, the demo's own included."""
    return {**filled("deploy/demo.yaml", {}).services, **services()}


def environment(service: Service) -> dict[str, str]:
    return {name: str(value) for name, value in service.environment.items()}


def sample_env() -> dict[str, str]:
    lines = [line for line in text(".env.example").splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", READERS)
def test_a_service_is_given_the_settings_that_it_reads_and_no_others(name: str) -> None:
    env = Recorded(environment(services()[name]))
    reader = Reader(env)
    READERS[name](reader)
    assert reader.faults == []
    assert set(env) == env.asked


@pytest.mark.parametrize("name", ["lister", "transfer"])
def test_the_demo_changes_settings_of_drive_and_nothing_else(name: str) -> None:
    own = environment(filled("deploy/demo.yaml", {}).services[name])
    assert own.keys() == {
        "DRIVE_API_URL",
        "GOOGLE_API_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "DRIVE_QUOTA_UNITS_PER_MINUTE",
    }
    assert own["GOOGLE_APPLICATION_CREDENTIALS"] == ""
    assert own["DRIVE_QUOTA_UNITS_PER_MINUTE"] == "0"
    assert own["GOOGLE_API_KEY"] == USUAL_KEY
    address = urlsplit(own["DRIVE_API_URL"])
    assert address.hostname == "emulator"
    assert str(address.port) in all_services()["emulator"].command


def test_clients_are_given_the_addresses_and_passwords_of_the_servers() -> None:
    chosen = {
        "MINIO_ROOT_USER": "somebody",
        "MINIO_ROOT_PASSWORD": "one-secret",
        "POSTGRES_PASSWORD": "another-secret",
        "MINIO_PORT": "1234",
    }
    told = services(chosen)
    kafka, minio, postgres = (environment(told[name]) for name in SERVERS)
    client = environment(told["api"])
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


def test_a_service_account_s_file_is_where_the_settings_say_and_nowhere_without_one() -> None:
    for name in ("lister", "transfer"):
        given = services({"GOOGLE_APPLICATION_CREDENTIALS": "/home/me/key.json"})[name]
        assert given.volumes == ["/home/me/key.json:/home/me/key.json:ro"]
        assert environment(given)["GOOGLE_APPLICATION_CREDENTIALS"] == "/home/me/key.json"
        [nothing] = services()[name].volumes
        assert nothing.startswith("/dev/null:")


def test_browsers_are_sent_to_the_port_that_the_store_has_on_this_machine() -> None:
    for env in ({}, {"MINIO_PORT": "1234"}):
        told = services(env)
        published = urlsplit(environment(told["api"])["S3_PUBLIC_URL"]).netloc
        assert f"{published}:9000" in told["minio"].ports


def test_kafka_tells_this_machine_the_port_that_it_has_there() -> None:
    for env in ({}, {"KAFKA_PORT": "1234"}):
        kafka = services(env)["kafka"]
        listeners = environment(kafka)["KAFKA_ADVERTISED_LISTENERS"].split(",")
        outside = next(each for each in listeners if each.startswith("OUTSIDE://"))
        assert f"{outside.removeprefix('OUTSIDE://')}:29092" in kafka.ports


def test_every_port_is_open_to_this_machine_only() -> None:
    published = [port for service in all_services().values() for port in service.ports]
    assert len(published) == 7
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_image_is_pinned() -> None:
    images = [service.image for service in all_services().values()]
    for dockerfile in ("deploy/Dockerfile", "web/Dockerfile"):
        stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", text(dockerfile), re.MULTILINE)
        named = {name for _, name in stages}
        images += [image for image, _ in stages if image not in named]
    assert len(images) == len(all_services()) + 3
    for image in images:
        tag = image.partition(":")[2]
        assert tag not in ("", "latest"), image


def test_container_tests_run_on_the_same_images() -> None:
    told = services()
    assert [told[name].image for name in SERVERS] == [
        containers.KAFKA_IMAGE,
        containers.MINIO_IMAGE,
        containers.POSTGRES_IMAGE,
    ]


def test_setup_waits_for_the_servers_and_the_services_for_setup() -> None:
    told = services()
    waits = {name: each.condition for name, each in told["setup"].depends_on.items()}
    assert waits == dict.fromkeys(SERVERS, "service_healthy")
    for name in READERS.keys() - {"setup"}:
        assert told[name].depends_on["setup"].condition == "service_completed_successfully", name


def test_whoever_is_awaited_as_healthy_is_asked_for_its_health() -> None:
    every = all_services()
    for name, service in every.items():
        for other, awaited in service.depends_on.items():
            healthy = awaited.condition == "service_healthy"
            assert not healthy or every[other].healthcheck, f"{name} waits for {other}"
    assert "HEALTHCHECK" in text("web/Dockerfile")


def test_kafka_is_asked_in_its_own_protocol() -> None:
    check = services()["kafka"].healthcheck
    assert check is not None
    assert "kafka-topics.sh --bootstrap-server kafka:9092 --list" in check.test[-1]


def test_everything_but_setup_comes_back_by_itself() -> None:
    comes_back = {name: each.restart for name, each in services().items()}
    assert comes_back.pop("setup") == "no"
    assert set(comes_back.values()) == {"unless-stopped"}


@pytest.mark.parametrize("name", READERS)
def test_a_service_has_time_to_finish_and_bounds_to_keep(name: str) -> None:
    service = services()[name]
    seconds = int(service.stop_grace_period.removesuffix("s"))
    assert seconds > process.DRAIN_SECONDS + process.CANCEL_SECONDS
    assert service.mem_limit
    assert service.read_only
    assert service.cap_drop == ["ALL"]


def test_no_image_of_ours_runs_as_root() -> None:
    stages = text("deploy/Dockerfile").split("\nFROM ")
    built = [stage for stage in stages if "\nCMD " in stage]
    assert len(built) == 2
    assert all("\nUSER drivestream\n" in stage for stage in built)


def test_the_sample_settings_are_those_of_the_files_with_their_defaults() -> None:
    used = {name for file in FILES for name in re.findall(r"\$\{(\w+)", text(file))}
    assert sample_env().keys() == used
    for name in FILES:
        assert filled(name, sample_env()) == filled(name, {})


def test_the_images_are_built_without_the_settings() -> None:
    rules = [line for line in text(".dockerignore").splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    kept = [rule for rule in rules if rule.startswith("!")]
    assert kept == ["!requirements/*.txt", "!services", "!drive_emulator"]


@pytest.mark.parametrize("name", ["services", "emulator"])
def test_an_image_has_the_very_versions_that_are_tested(name: str) -> None:
    pins, tested = (
        set(re.findall(r"^[a-z][^ ]*==[^ ]+", text(f"requirements/{each}.txt"), re.MULTILINE))
        for each in (name, "all")
    )
    assert pins
    assert pins <= tested
