"""What set-up does to the bucket: on MinIO, and on a store that answers as Amazon's does."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

from services.adapters.store.bucket import StoreUnavailableError, create_bucket
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop
from services.core.settings import Reader
from tests.fakes.s3_server import Answer, S3Server, s3_server

SECRET = "hush-hush"
DENIED = Answer(403, "AccessDenied", "Access Denied.")
NOT_IMPLEMENTED = Answer(501, "NotImplemented", "A header you provided implies more.")
THEIRS = {
    "Sid": "Partner",
    "Effect": "Allow",
    "Principal": {"AWS": ["*"]},
    "Action": ["s3:GetObject"],
    "Resource": ["arn:aws:s3:::pictures/partner/*"],
}
OLD_RULE = (
    b"<LifecycleConfiguration><Rule><ID>logs</ID><Status>Enabled</Status><Filter><And>"
    b"<Prefix>logs/</Prefix><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter>"
    b"<Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>"
)


@pytest.fixture
def amazon() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def settings(url: str, *, public_read: bool = True) -> StoreSettings:
    env = {
        "S3_ENDPOINT_URL": url,
        "S3_BUCKET": "pictures",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    return replace(StoreSettings.read(Reader(env)), public_read=public_read)


@pytest.fixture
def at_minio(servers: Mapping[str, str]) -> Iterator[StoreSettings]:
    """Settings for a bucket that is not there yet, public to read."""
    with a_bucket(servers) as at:
        yield at


@pytest.fixture
def at_store(real_store: Mapping[str, str]) -> Iterator[StoreSettings]:
    """The same, in each real store in turn."""
    with a_bucket(real_store) as at:
        yield at


@contextmanager
def a_bucket(servers: Mapping[str, str]) -> Iterator[StoreSettings]:
    env = {**servers, "S3_BUCKET": f"bucket-{uuid4().hex[:12]}"}
    at = replace(StoreSettings.read(Reader(env)), public_read=True)
    yield at
    client = minio(at)
    for found in client.list_objects(at.bucket, recursive=True):
        client.remove_object(at.bucket, found.object_name or "")
    client.remove_bucket(at.bucket)


def minio(at: StoreSettings) -> Minio:
    return Minio(
        endpoint=urlsplit(at.endpoint_url).netloc,
        access_key=at.access_key_id,
        secret_key=at.secret_access_key.reveal(),
        secure=False,
    )


def statements(policy: str | bytes) -> list[str]:
    return [each["Sid"] for each in json.loads(policy)["Statement"]]


def test_everybody_may_read_objects_but_not_list_them(at_store: StoreSettings) -> None:
    assert "now publicly readable" in create_bucket(at_store)
    url = f"{at_store.endpoint_url}/{at_store.bucket}"
    minio(at_store).fput_object(at_store.bucket, "a.txt", __file__)
    assert httpx.get(f"{url}/a.txt", trust_env=False).status_code == 200
    assert httpx.get(url, trust_env=False).status_code == 403
    assert httpx.put(f"{url}/b.txt", content=b"x", trust_env=False).status_code == 403


def test_public_reading_is_taken_back_where_it_is_switched_off(at_store: StoreSettings) -> None:
    create_bucket(at_store)
    private = replace(at_store, public_read=False)
    assert "now private" in create_bucket(private)
    assert "now private" not in create_bucket(private)
    minio(at_store).fput_object(at_store.bucket, "a.txt", __file__)
    url = f"{at_store.endpoint_url}/{at_store.bucket}/a.txt"
    assert httpx.get(url, trust_env=False).status_code == 403


def test_the_policy_of_somebody_else_survives_both(at_store: StoreSettings) -> None:
    client = minio(at_store)
    client.make_bucket(at_store.bucket)
    theirs = {**THEIRS, "Resource": [f"arn:aws:s3:::{at_store.bucket}/partner/*"]}
    before = {"Version": "2012-10-17", "Statement": [theirs]}
    client.set_bucket_policy(at_store.bucket, json.dumps(before))
    create_bucket(at_store)
    both = statements(client.get_bucket_policy(at_store.bucket))
    assert both == ["Partner", "DrivestreamPublicRead"]
    create_bucket(replace(at_store, public_read=False))
    assert statements(client.get_bucket_policy(at_store.bucket)) == ["Partner"]


@pytest.mark.real
def test_minio_refuses_the_rule_for_incomplete_uploads_and_set_up_says_so(
    at_minio: StoreSettings,
) -> None:
    said = create_bucket(at_minio)
    assert "was created" in said
    assert "rejected a lifecycle rule that removes incomplete uploads" in said
    assert minio(at_minio).get_bucket_lifecycle(at_minio.bucket) is None


def test_rules_that_are_there_are_kept(at_store: StoreSettings) -> None:
    client = minio(at_store)
    client.make_bucket(at_store.bucket)
    rule = Rule(
        ENABLED, rule_filter=Filter(prefix="logs/"), rule_id="logs", expiration=Expiration(days=3)
    )
    client.set_bucket_lifecycle(at_store.bucket, LifecycleConfig([rule]))
    assert "not changed" in create_bucket(at_store)
    kept = client.get_bucket_lifecycle(at_store.bucket)
    assert kept is not None
    assert [each.rule_id for each in kept.rules] == ["logs"]


@pytest.mark.real
def test_minio_refuses_a_session_token_that_it_did_not_give(servers: Mapping[str, str]) -> None:
    settings = StoreSettings.read(Reader({**servers, "AWS_SESSION_TOKEN": "of-somebody-else"}))
    with pytest.raises(Stop, match="Check AWS_SESSION_TOKEN"):
        create_bucket(settings)


def test_a_new_bucket_gets_policy_and_rule_and_a_second_run_changes_nothing(
    amazon: S3Server,
) -> None:
    first = create_bucket(settings(amazon.url))
    assert first == (
        "bucket pictures was created, its objects are now publicly readable, "
        "incomplete uploads are now removed after a day"
    )
    assert b"<DaysAfterInitiation>1</DaysAfterInitiation>" in amazon.lifecycle
    before = amazon.policy, amazon.lifecycle, amazon.requests["PUT policy"]
    assert create_bucket(settings(amazon.url)) == "bucket pictures exists"
    assert (amazon.policy, amazon.lifecycle, amazon.requests["PUT policy"]) == before


def test_rules_that_say_more_than_our_client_reads_are_never_written_back(amazon: S3Server) -> None:
    amazon.lifecycle = OLD_RULE
    assert "not changed" in create_bucket(settings(amazon.url))
    assert amazon.lifecycle == OLD_RULE


def test_a_rule_of_somebody_else_that_aborts_uploads_is_enough(amazon: S3Server) -> None:
    create_bucket(settings(amazon.url))
    amazon.lifecycle = amazon.lifecycle.replace(b"drivestream-abort", b"company-wide")
    assert create_bucket(settings(amazon.url)) == "bucket pictures exists"
    narrow = amazon.lifecycle.replace(b"<Prefix />", b"<Prefix>tmp/</Prefix>")
    assert narrow != amazon.lifecycle
    amazon.lifecycle = narrow
    assert "not changed" in create_bucket(settings(amazon.url))


@pytest.mark.parametrize("refusal", [DENIED, NOT_IMPLEMENTED, Answer(400, "MalformedXML", "…")])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_store_that_refuses_the_rule_is_set_up_all_the_same(
    amazon: S3Server, method: str, refusal: Answer
) -> None:
    amazon.refusals[f"{method} lifecycle"] = refusal
    said = create_bucket(settings(amazon.url))
    assert (
        f"rejected a lifecycle rule that removes incomplete uploads after a day ({refusal.code})"
        in said
    )
    assert amazon.policy


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (Answer(403, "RequestTimeTooSkewed", "It is too late."), "store_clock"),
        (Answer(400, "AuthorizationHeaderMalformed", "Expecting eu-west-1."), "store_region"),
    ],
)
def test_what_a_person_must_mend_stops_set_up_with_the_store_s_words(
    amazon: S3Server, refusal: Answer, reason: str
) -> None:
    amazon.refusals["PUT bucket"] = refusal
    with pytest.raises(Stop) as caught:
        create_bucket(settings(amazon.url))
    assert caught.value.reason == reason
    assert refusal.message.rstrip(".") in caught.value.message


@pytest.mark.parametrize("refusal", [DENIED, NOT_IMPLEMENTED])
def test_a_store_that_makes_nothing_public_stops_set_up_with_what_to_do(
    amazon: S3Server, refusal: Answer
) -> None:
    amazon.refusals["PUT policy"] = refusal
    with pytest.raises(Stop) as caught:
        create_bucket(settings(amazon.url))
    assert caught.value.reason == "store_refused"
    assert "S3_PUBLIC_READ=false" in caught.value.message


@pytest.mark.parametrize("refusal", [DENIED, NOT_IMPLEMENTED])
def test_a_private_bucket_needs_no_right_to_policies(amazon: S3Server, refusal: Answer) -> None:
    amazon.refusals["GET policy"] = refusal
    assert "was created" in create_bucket(settings(amazon.url, public_read=False))


@pytest.mark.parametrize("asked", ["HEAD bucket", "GET policy", "PUT policy", "PUT lifecycle"])
@pytest.mark.parametrize("status", [500, 502, 503])
def test_trouble_of_the_store_is_waited_for(amazon: S3Server, asked: str, status: int) -> None:
    amazon.refusals[asked] = Answer(status, "InternalError", "We encountered an error.")
    with pytest.raises(StoreUnavailableError):
        create_bucket(settings(amazon.url))


@pytest.mark.parametrize(
    "answer",
    [
        DENIED,
        Answer(403, "InvalidAccessKeyId", "The key id does not exist."),
        Answer(403, "SignatureDoesNotMatch", "Check your key."),
        Answer(500, "InternalError", "We encountered an error."),
        Answer(502),
        Answer(400),
    ],
)
def test_no_error_holds_the_secret_key(amazon: S3Server, answer: Answer) -> None:
    amazon.always = answer
    with pytest.raises((Stop, StoreUnavailableError)) as caught:
        create_bucket(settings(amazon.url))
    cause: BaseException | None = caught.value
    while cause is not None:
        assert SECRET not in repr(cause) + str(cause)
        cause = cause.__cause__
