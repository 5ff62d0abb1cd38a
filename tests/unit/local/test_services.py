"""The environment that services and servers are started with."""

import pytest

from local.environment import for_downloads, for_programs
from local.servers.services import service


def test_a_service_gets_all_settings_and_is_run_as_a_module() -> None:
    command = service("lister", {"KAFKA_BOOTSTRAP_SERVERS": "here:1"})
    assert command.argv[1:] == ("-m", "services.lister")
    assert command.env["KAFKA_BOOTSTRAP_SERVERS"] == "here:1"


def test_what_a_shell_says_to_python_is_not_for_a_service() -> None:
    env = service("api", {"PYTHONPATH": "/x", "PYTHONWARNINGS": "error", "PORT": "1"}).env
    assert env == {"PORT": "1", "PYTHONUNBUFFERED": "1"}


OF_SERVERS = {
    **{"PGPORT": "1", "PGDATA": "/x", "MINIO_VOLUMES": "/x", "_MINIO_SERVER_DEBUG": "on"},
    **{"JAVA_TOOL_OPTIONS": "-Dx", "_JAVA_OPTIONS": "-Dx", "CLASSPATH": "/x", "LOG_DIR": "/x"},
    **{"KAFKA_OPTS": "-Dx", "KAFKA_HEAP_OPTS": "-Xmx1k", "AWS_REGION": "x", "GODEBUG": "x=1"},
    **{"PYTHONHOME": "/x", "NODE_OPTIONS": "--x", "NODE_ENV": "production", "GOFLAGS": "-mod=x"},
    **{"npm_config_prefix": "/x", "PIP_TARGET": "/x", "UV_PYTHON": "2", "GOOS": "plan9"},
    **{"UV_SYSTEM_PYTHON": "1", "PIP_REQUIRE_VIRTUALENV": "1", "npm_config_omit": "dev"},
}
EVERYWHERE = {
    **{"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "LANG": "C", "TMPDIR": "/t", "JAVA_HOME": "/j"},
    **{"SSL_CERT_FILE": "/c", "https_proxy": "http://p:1", "NO_PROXY": "x", "DATA_DIR": "/d"},
}
OF_MIRRORS = {
    **{"UV_DEFAULT_INDEX": "u", "UV_INDEX_COMPANY_PASSWORD": "p", "PIP_INDEX_URL": "u"},
    **{"PIP_CERT": "/c", "UV_CACHE_DIR": "/u", "GOPROXY": "g", "GOSUMDB": "off", "GOCACHE": "/g"},
    **{"npm_config_registry": "n", "NPM_CONFIG_CAFILE": "/c", "NODE_EXTRA_CA_CERTS": "/c"},
    **{"REQUESTS_CA_BUNDLE": "/c", "CURL_CA_BUNDLE": "/c"},
    **{"MAVEN_OPTS": "-Dhttps.proxyHost=p", "npm_config_//mirror/:_authToken": "t"},
}


def test_a_server_is_told_where_things_are_and_nothing_of_its_own_kind() -> None:
    assert for_programs({**OF_SERVERS, **EVERYWHERE, **OF_MIRRORS}) == EVERYWHERE


def test_what_downloads_is_also_told_where_packages_come_from() -> None:
    assert for_downloads({**OF_SERVERS, **EVERYWHERE, **OF_MIRRORS}) == EVERYWHERE | OF_MIRRORS


@pytest.mark.parametrize("name", OF_SERVERS)
def test_no_server_and_no_tool_hears_of(name: str) -> None:
    assert name not in for_downloads({name: "x"})


def test_what_a_command_is_given_is_not_in_its_repr() -> None:
    assert "hunter2" not in repr(service("api", {"DATABASE_URL": "postgresql://u:hunter2@h/d"}))
