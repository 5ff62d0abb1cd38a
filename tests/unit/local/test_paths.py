"""Where things are kept on a user's machine."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from local.paths import cache_dir, data_dir
from local.settings import OF_KAFKA, OF_STORE, over, refuse_control_characters
from services.core.settings import SettingsError


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"DATA_DIR": "/srv/x", "HOME": "/h"}, "/srv/x"),
        ({"XDG_DATA_HOME": "/xdg", "HOME": "/h"}, "/xdg/drivestream"),
        ({"HOME": "/h"}, "/h/.local/share/drivestream"),
    ],
)
def test_the_data_folder_is_where_the_user_says(env: dict[str, str], folder: str) -> None:
    assert data_dir(env) == Path(folder)


@pytest.mark.parametrize("find", [data_dir, cache_dir])
@pytest.mark.parametrize("name", ["DATA_DIR", "HOME"])
def test_a_home_that_nobody_has_is_a_fault_in_words(
    find: Callable[[Mapping[str, str]], Path], name: str
) -> None:
    env = {"HOME": "/h", name: "~no-such-user/x"}
    if find is cache_dir and name == "DATA_DIR":
        assert find(env) == Path("/h/.cache/drivestream")
        return
    with pytest.raises(SettingsError, match=f"^{name} is not a home folder"):
        find(env)


@pytest.mark.parametrize("name", ["DATA_DIR", "HOME", "XDG_CACHE_HOME"])
@pytest.mark.parametrize("odd", ["a\nb", "a\x1b[1mb", "caf\udce9"])
def test_a_folder_that_nobody_can_see_or_read_is_refused_in_words(name: str, odd: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} contains"):
        refuse_control_characters({name: odd})
    refuse_control_characters({name: '/été, d\'x \\ "y" {1...2}'})


def test_the_keys_of_a_shell_are_not_those_of_the_store_that_runs_here() -> None:
    running = {"S3_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "ours"}
    shell = {**dict.fromkeys(OF_STORE, "theirs"), "S3_BUCKET": "chosen", "KAFKA_PORT": ""}
    assert over(running, shell) == {**running, "S3_BUCKET": "chosen"}
    assert over({}, shell) == {name: value for name, value in shell.items() if value}
    own = {**shell, "S3_ENDPOINT_URL": "https://s3.test"}
    assert over(running, own)["AWS_ACCESS_KEY_ID"] == "theirs"


def test_a_login_of_a_shell_is_not_for_the_servers_that_run_here() -> None:
    running = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "DATABASE_URL": "postgresql://here/x"}
    shell = {**dict.fromkeys(OF_KAFKA, "theirs"), "DATABASE_READ_URL": "postgresql://there/x"}
    assert over(running, shell) == running
    own = {**shell, "KAFKA_BOOTSTRAP_SERVERS": "there:1"}
    known = over(running, own)
    assert known["KAFKA_PASSWORD"] == "theirs"
    assert "DATABASE_READ_URL" not in known
