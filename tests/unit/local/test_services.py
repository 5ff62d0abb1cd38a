"""The environment that services and servers are started with."""

from local.servers.server import clean_env
from local.servers.services import service, without_proxy


def test_a_proxy_is_kept_out_of_the_talk_on_this_machine() -> None:
    env = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intranet"}
    assert without_proxy(env)["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert without_proxy({"http_proxy": "http://proxy:3128"})["no_proxy"] == "127.0.0.1,localhost"


def test_without_a_proxy_nothing_is_added() -> None:
    assert without_proxy({"PATH": "/bin", "NO_PROXY": "intranet"}) == {}


def test_a_service_gets_all_settings_and_is_run_as_a_module() -> None:
    command = service("lister", {"KAFKA_BOOTSTRAP_SERVERS": "here:1"})
    assert command.argv[1:] == ("-m", "services.lister")
    assert command.env["KAFKA_BOOTSTRAP_SERVERS"] == "here:1"


def test_settings_of_the_caller_s_own_servers_do_not_reach_ours() -> None:
    env = {"PGPORT": "1", "MINIO_VOLUMES": "/x", "JAVA_TOOL_OPTIONS": "-Dx", "PATH": "/bin"}
    assert clean_env(env) == {"PATH": "/bin"}


def test_what_a_command_is_given_is_not_in_its_repr() -> None:
    assert "hunter2" not in repr(service("api", {"DATABASE_URL": "postgresql://u:hunter2@h/d"}))
