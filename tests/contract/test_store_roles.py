"""Keys of a role on Amazon, in each way that they are issued, and their end while files are copied.

The servers that issue them, and the store that checks them, stand on loopback.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from services.adapters.store.objects import ObjectStore
from services.core.errors import Stop, TryAgain
from services.core.events import FileStored
from services.transfer.copy import Copy
from tests.contract.test_store_clients import ask_both, of_a_role, signed
from tests.fakes.role_server import CONTAINER, RoleServer, role_server
from tests.fakes.s3_server import Answer, S3Server, s3_server
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import Transferring

ROLE = "arn:aws:iam::123456789012:role/pictures"


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        server.bucket_exists = True
        yield server


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RoleServer]:
    """Nothing leads to it yet, and to no other."""
    names = (
        *("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        *("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"),
    )
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with role_server() as role:
        yield role


def ecs_task(role: RoleServer, patch: pytest.MonkeyPatch, _folder: Path) -> None:
    patch.setattr("botocore.utils.ContainerMetadataFetcher.IP_ADDRESS", role.url[7:])
    patch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", CONTAINER)


def eks_pod_identity(role: RoleServer, patch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "pod").write_text("of-the-pod")
    role.authorization = "of-the-pod"
    patch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.url + CONTAINER)
    patch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(folder / "pod"))


def instance(role: RoleServer, patch: pytest.MonkeyPatch, _folder: Path) -> None:
    """By IMDSv2 alone."""
    patch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    patch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", role.url)


def web_identity(role: RoleServer, patch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "identity").write_text("of-the-account")
    role.identity = "of-the-account"
    patch.setenv("AWS_ROLE_ARN", ROLE)
    patch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "identity"))
    patch.setenv("AWS_ENDPOINT_URL_STS", role.url)


Way = Callable[[RoleServer, pytest.MonkeyPatch, Path], None]
WAYS: list[Way] = [ecs_task, eks_pod_identity, instance, web_identity]


@pytest.mark.parametrize("way", WAYS)
async def test_all_who_ask_the_store_sign_with_keys_of_the_role(
    server: S3Server, role: RoleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: Way
) -> None:
    way(role, monkeypatch, tmp_path)
    settings = of_a_role(server.url)
    for seen in await ask_both(settings, server):
        assert "Credential=role-" in seen.headers["authorization"]
        assert seen.headers["x-amz-security-token"].startswith("token-of-role-")
    assert "X-Amz-Credential=role-" in signed(settings)
    assert len(role.issued) == 3, "each client asks once"
    assert role.refused == []


@pytest.mark.parametrize("way", [ecs_task, eks_pod_identity, web_identity])
async def test_keys_are_renewed_before_they_end(
    server: S3Server, role: RoleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: Way
) -> None:
    """botocore renews keys that end within ten minutes whenever it is asked. It is asked every two
    minutes: that clock is what runs ahead here. Keys of an instance botocore prolongs by itself,
    if the metadata service has no newer ones yet."""
    way(role, monkeypatch, tmp_path)
    monkeypatch.setattr("services.adapters.store.credentials.USED_FOR", timedelta(0))
    role.life = timedelta(minutes=9)
    store = ObjectStore(of_a_role(server.url))
    for key in ("a", "b", "c"):
        await store.put(key, b"a", content_type="image/png")
    signers = [_signer(seen.headers) for seen in server.seen]
    assert signers == sorted(set(signers)), "the same keys were used again"
    role.life = timedelta(hours=6)
    for key in ("d", "e"):
        await store.put(key, b"a", content_type="image/png")
    assert _signer(server.seen[-1].headers) == _signer(server.seen[-2].headers) == role.issued[-1]


def _signer(headers: Mapping[str, str]) -> str:
    return headers["authorization"].partition("Credential=")[2].partition("/")[0]


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId"])
async def test_an_import_goes_on_with_new_keys_when_those_in_use_are_revoked(
    server: S3Server, role: RoleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    ecs_task(role, monkeypatch, tmp_path)
    copying = Transferring(store=cast(Any, ObjectStore(of_a_role(server.url))))
    files = [copying.add(f"file-{number}") for number in range(12)]
    for file in files[:4]:
        assert isinstance(await copying.outcome(file), FileStored)
    first = role.issued[-1]
    server.ended[first] = Answer(400, code, "The provided token has expired.")
    copies = (copying.copy(Copy(file=file, received=RECEIVED)) for file in files[4:])
    outcomes = await asyncio.gather(*copies)
    assert all(isinstance(each, FileStored) for each in outcomes)
    assert len(role.issued) == 2, "keys were fetched once for all"
    assert _signer(server.seen[-1].headers) == role.issued[-1]


async def test_new_keys_that_are_refused_too_stop_the_work_in_words(
    server: S3Server, role: RoleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ecs_task(role, monkeypatch, tmp_path)
    server.always = Answer(400, "ExpiredToken", "The provided token has expired.")
    store = ObjectStore(of_a_role(server.url))
    with pytest.raises(TryAgain, match="New ones are fetched"):
        await store.put("k", b"a", content_type="image/png")
    with pytest.raises(Stop, match="rejected the keys"):
        await store.put("k", b"a", content_type="image/png")


async def test_while_no_keys_are_issued_everything_waits_and_then_goes_on(
    server: S3Server, role: RoleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ecs_task(role, monkeypatch, tmp_path)
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0.01)
    role.away = True
    store = ObjectStore(of_a_role(server.url))
    with pytest.raises(TryAgain, match="Amazon issued no keys"):
        await store.put("k", b"a", content_type="image/png")
    assert server.seen == []
    role.away = False
    await store.put("k", b"a", content_type="image/png")
    assert len(server.seen) == 1
