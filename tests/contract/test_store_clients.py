"""Both clients of the store go where the settings say, as whom they say, whatever else is set."""

import json
import ssl
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from drive_emulator.http.tls import install
from services.adapters.store.bucket import StoreUnavailableError, create_bucket
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import ObjectUrls
from services.core.errors import Stop, TryAgain
from services.core.settings import Reader, Secret, SettingsError
from tests.fakes.s3_server import Answer, S3Server, Seen, s3_server

KEYS = {"AWS_ACCESS_KEY_ID": "ours", "AWS_SECRET_ACCESS_KEY": "hush-hush"}
ELSEWHERE = "http://127.0.0.1:1"
NOT_OURS = {
    "AWS_ALLOW_HTTP": "perhaps",
    "AWS_BUCKET": "theirs",
    "AWS_BUCKET_NAME": "theirs",
    "AWS_CHECKSUM_ALGORITHM": "md5",
    "AWS_CONDITIONAL_PUT": "disabled",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": ELSEWHERE,
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/theirs",
    "AWS_DEFAULT_REGION": "eu-theirs-1",
    "AWS_ENDPOINT": ELSEWHERE,
    "AWS_ENDPOINT_URL": ELSEWHERE,
    "AWS_ENDPOINT_URL_S3": ELSEWHERE,
    "AWS_IMDSV1_FALLBACK": "perhaps",
    "AWS_METADATA_ENDPOINT": ELSEWHERE,
    "AWS_PROFILE": "theirs",
    "AWS_REQUEST_PAYER": "perhaps",
    "AWS_ROLE_ARN": "arn:aws:iam::1:role/theirs",
    "AWS_S3_EXPRESS": "true",
    "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
    "AWS_SESSION_TOKEN": "theirs",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_SSE_CUSTOMER_KEY_BASE64": "theirs",
    "AWS_SSE_KMS_KEY_ID": "theirs",
    "AWS_TOKEN": "theirs",
    "AWS_UNSIGNED_PAYLOAD": "true",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere",
}


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        server.bucket_exists = True
        yield server


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys of whoever runs the tests, no proxy of theirs, and no machine to ask for a role."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in (*NOT_OURS, *KEYS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def at(url: str, **more: str) -> StoreSettings:
    reader = Reader({"S3_ENDPOINT_URL": url, "S3_BUCKET": "pictures", **KEYS, **more})
    settings = StoreSettings.read(reader)
    assert reader.faults == []
    return settings


def of_a_role(url: str, profile: str = "") -> StoreSettings:
    """Without keys, which only Amazon's own addresses may be."""
    return StoreSettings(
        access_key_id="",
        secret_access_key=Secret(""),
        region="us-east-1",
        bucket="pictures",
        endpoint_url=url,
        public_url=url,
        public_read=False,
        profile=profile,
    )


async def ask_both(settings: StoreSettings, server: S3Server) -> tuple[Seen, Seen]:
    """The first request of either client: setup's, and a put."""
    server.seen.clear()
    create_bucket(settings)
    asked = server.seen[0]
    await ObjectStore(settings).put("folder/a.png", b"a", content_type="image/png")
    return asked, server.seen[-1]


def steady(seen: Seen) -> Mapping[str, str]:
    """The headers without what differs from one request to the next."""
    moving = ("authorization", "x-amz-date", "host", "connection")
    return {name: value for name, value in seen.headers.items() if name not in moving}


@pytest.mark.parametrize("name", NOT_OURS)
async def test_no_variable_that_a_library_knows_steers_the_store(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = await ask_both(at(server.url), server)
    monkeypatch.setenv(name, NOT_OURS[name])
    after = await ask_both(at(server.url), server)
    assert [each.address for each in after] == ["/pictures", "/pictures/folder/a.png"]
    assert [*map(steady, after)] == [*map(steady, before)]
    assert all("Credential=ours/" in each.headers["authorization"] for each in after)


async def test_a_session_token_is_sent_by_all_who_ask_the_store(server: S3Server) -> None:
    settings = at(server.url, AWS_SESSION_TOKEN="token", S3_PUBLIC_READ="false")
    for seen in await ask_both(settings, server):
        assert seen.headers["x-amz-security-token"] == "token"
    address = signed(settings)
    assert parse_qs(urlsplit(address).query)["X-Amz-Security-Token"] == ["token"]


def signed(settings: StoreSettings) -> str:
    urls = ObjectUrls(settings, lambda: datetime(2026, 11, 26, tzinfo=UTC))
    return urls.signed_url("s3://pictures/k", name="k", content_type="image/png")


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken", "InvalidTokenId"])
def test_setup_says_at_once_that_a_session_token_is_refused(server: S3Server, code: str) -> None:
    server.always = Answer(400, code, "The provided token is bad.")
    with pytest.raises(Stop, match=rf"The provided token is bad \({code}\). Check AWS_SESSION_TOK"):
        create_bucket(at(server.url, AWS_SESSION_TOKEN="old"))


async def test_encryption_is_asked_for_with_each_object(server: S3Server) -> None:
    settings = at(
        server.url,
        S3_SERVER_SIDE_ENCRYPTION="aws:kms",
        S3_KMS_KEY_ID="arn:aws:kms:eu-test-1:1:key/k",
        S3_PUBLIC_READ="false",
    )
    _, put = await ask_both(settings, server)
    assert put.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert put.headers["x-amz-server-side-encryption-aws-kms-key-id"].endswith("key/k")


async def test_both_go_through_the_proxy_with_the_bucket_in_the_host(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    settings = at("http://store.test:9000", S3_ADDRESSING_STYLE="virtual")
    first, put = await ask_both(settings, server)
    assert first.address.rstrip("/") == "http://pictures.store.test:9000"
    assert put.address == "http://pictures.store.test:9000/folder/a.png"
    assert signed(settings).startswith("http://pictures.store.test:9000/k?")


@pytest.mark.parametrize("form", ["http://me:pa%40ss@{}", "me:pa%40ss@{}"])
async def test_both_tell_the_proxy_who_they_are(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("http_proxy", form.format(urlsplit(server.url).netloc))
    for seen in await ask_both(at("http://store.test:9000"), server):
        assert seen.headers["proxy-authorization"] == "Basic bWU6cGFAc3M="


@pytest.mark.parametrize("proxy", ["socks5://host:1", "::bad", "http://[::1", "http://host:99999"])
def test_a_proxy_that_is_none_is_a_fault_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    settings = at("http://store.test:9000")
    for make in (create_bucket, ObjectStore):
        with pytest.raises(SettingsError, match="HTTP_PROXY or ALL_PROXY must be a URL such as"):
            make(settings)


async def test_neither_goes_through_a_proxy_from_which_the_store_is_excepted(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", ELSEWHERE)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert len(await ask_both(at(server.url), server)) == 2


# --- keys of Amazon's ---


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    program = tmp_path / "give keys.py"
    keys = {"Version": 1, "AccessKeyId": "of-program", "SecretAccessKey": "s", "SessionToken": "t3"}
    program.write_text(f"print({json.dumps(json.dumps(keys))})")
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = of-default\naws_secret_access_key = s\n"
        "[work]\naws_access_key_id = of-work\naws_secret_access_key = s\naws_session_token = t2\n"
    )
    (tmp_path / "config").write_text(
        f'[profile program]\ncredential_process = "{sys.executable}" "{program}"\n'
    )
    return tmp_path


@pytest.mark.parametrize(
    ("profile", "who", "token"),
    [("", "of-default", None), ("work", "of-work", "t2"), ("program", "of-program", "t3")],
)
async def test_without_keys_those_of_a_profile_are_used_by_all(
    server: S3Server, profiles: Path, profile: str, who: str, token: str | None
) -> None:
    settings = of_a_role(server.url, profile)
    for seen in await ask_both(settings, server):
        assert f"Credential={who}/" in seen.headers["authorization"]
        assert seen.headers.get("x-amz-security-token") == token
    assert f"X-Amz-Credential={who}%2F" in signed(settings)


async def test_without_keys_those_of_the_container_s_role_are_used(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    keys = {"AccessKeyId": "of-role", "SecretAccessKey": "s", "Token": "t4", "Expiration": soon}
    with s3_server() as role:
        role.document = json.dumps(keys).encode()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{role.url}/role")
        for seen in await ask_both(of_a_role(server.url), server):
            assert "Credential=of-role/" in seen.headers["authorization"]
            assert seen.headers["x-amz-security-token"] == "t4"


@pytest.mark.parametrize(
    ("profile", "said"), [("", "no AWS profile or role"), ("missing", r"\(missing\)")]
)
async def test_where_there_are_no_keys_everybody_says_so(
    server: S3Server, profile: str, said: str
) -> None:
    settings = of_a_role(server.url, profile)
    with pytest.raises(Stop, match=said):
        create_bucket(settings)
    with pytest.raises(Stop, match=said):
        await ObjectStore(settings).ready()
    with pytest.raises(Stop, match=said):
        await ObjectStore(settings).put("k", b"a", content_type="image/png")
    with pytest.raises(Stop, match=said):
        signed(settings)
    assert server.seen == []


async def test_a_role_that_cannot_be_asked_now_is_waited_for(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{ELSEWHERE}/role")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0.01)
    with pytest.raises(StoreUnavailableError, match="Amazon issued no keys"):
        create_bucket(of_a_role(server.url))
    with pytest.raises(TryAgain, match="Amazon issued no keys"):
        await ObjectStore(of_a_role(server.url)).put("k", b"a", content_type="image/png")


# --- a private authority ---


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """The authority's certificate, and a server's certificate that it signed for 127.0.0.1."""
    return install(tmp_path_factory.mktemp("authority"), "store.test")


@pytest.mark.parametrize("name", ["S3_CA_FILE", "SSL_CERT_FILE"])
async def test_a_store_with_a_certificate_of_a_private_authority_is_trusted_if_it_is_named(
    authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ca_file, tls = authority
    with s3_server(tls) as server:
        server.bucket_exists = True
        with pytest.raises(StoreUnavailableError):
            create_bucket(at(server.url))
        with pytest.raises(TryAgain):
            await ObjectStore(at(server.url)).put("k", b"a", content_type="image/png")
        monkeypatch.setenv(name, str(ca_file))
        trusting = at(server.url, **{name: str(ca_file)})
        assert [each.method for each in await ask_both(trusting, server)] == ["HEAD", "PUT"]
