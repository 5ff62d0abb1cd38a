"""Set-up waits for what is not there, and raises what is refused."""

import asyncio

import pytest

from services.adapters.store.bucket import StoreUnavailableError
from services.core.errors import Stop
from services.core.settings import Reader
from services.setup.__main__ import Provisioner, main, provisioners, set_up
from tests.fakes.patience import until


async def test_a_server_that_comes_late_is_waited_for_and_named() -> None:
    troubles = [StoreUnavailableError("refused"), StoreUnavailableError("refused")]
    said: list[str] = []

    def act() -> str:
        if troubles:
            raise troubles.pop()
        return "bucket made"

    await set_up([Provisioner("the object store", "http://s3", act)], say=said.append, wait=0.001)
    assert said[0] == "Waiting for the object store at http://s3, which is not ready yet."
    assert said[-1] == "the object store: bucket made"


async def test_a_refusal_ends_it_at_once() -> None:
    def act() -> str:
        raise Stop("store_refused", "The key is refused.")

    with pytest.raises(Stop, match="The key is refused"):
        await set_up([Provisioner("the object store", "http://s3", act)], say=lambda _: None)


async def test_one_server_does_not_wait_for_another() -> None:
    said: list[str] = []
    missing = Provisioner("Kafka", "k", _missing)
    there = Provisioner("PostgreSQL", "p", lambda: "tables made")
    waiting = asyncio.ensure_future(set_up([missing, there], say=said.append, wait=0.01))
    await until(lambda: "PostgreSQL: tables made" in said)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


def _missing() -> str:
    raise StoreUnavailableError("refused")


ENOUGH = {
    "AWS_ACCESS_KEY_ID": "me",
    "AWS_SECRET_ACCESS_KEY": "hush-hush",
    "DATABASE_URL": "postgresql://me:hush-hush@db/x",
}


@pytest.mark.parametrize(
    "refusal",
    [
        Stop("database_newer", "The database was migrated by a newer version."),
        Stop("topic_changed", "files.found has 24 partitions, but 12 are expected."),
    ],
)
def test_what_a_server_refuses_is_one_sentence_and_exit_code_1(
    refusal: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> str:
        raise refusal

    def read(_: Reader) -> list[Provisioner]:
        return [Provisioner("PostgreSQL", "DATABASE_URL", refuse)]

    assert main({}, read) == 1
    assert capsys.readouterr().err == f"{refusal}\n"


def test_faults_of_the_settings_are_exit_code_2_and_show_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    env = ENOUGH | {"S3_ENDPOINT_URL": "http://me:hush-hush@s3", "KAFKA_BOOTSTRAP_SERVER": "k:1"}
    assert main(env, provisioners) == 2
    said = capsys.readouterr().err
    assert "S3_ENDPOINT_URL must not contain a user name or password." in said
    assert "Did you mean KAFKA_BOOTSTRAP_SERVERS?" in said
    assert "hush" not in said


def test_a_name_that_nothing_reads_is_told_and_set_up_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main({"S3_ENDPOINT": "http://s3"}, lambda _: []) == 0
    assert "S3_ENDPOINT is not a setting" in capsys.readouterr().err


async def test_a_server_that_stays_away_is_explained_without_numbers_of_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.setup.__main__.EXPLAINED_AFTER_SECONDS", 0.0)
    troubles = [StoreUnavailableError("HTTPConnection(host='s3'): [Errno 111] Connection refused")]
    said: list[str] = []

    def act() -> str:
        if troubles:
            raise troubles.pop()
        return "bucket made"

    await set_up([Provisioner("the object store", "http://s3", act)], say=said.append, wait=0.001)
    assert said[0] == "Waiting for the object store at http://s3: Connection refused"
