"""The settings of the store: what may be left out, what goes together, and each fault in words."""

import pytest

from services.adapters.store.settings import StoreSettings
from services.core.settings import Reader, SettingsError, read_settings

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
ELSEWHERE = {"S3_ENDPOINT_URL": "https://store.test:9000", **KEYS}


def read(env: dict[str, str]) -> StoreSettings:
    return read_settings(env, StoreSettings.read)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://s3.eu-central-1.amazonaws.com",
        "https://s3.cn-north-1.amazonaws.com.cn",
        "https://bucket.vpce-1a-2b.s3.eu-central-1.vpce.amazonaws.com",
    ],
)
def test_at_amazon_the_keys_may_be_left_out(endpoint: str) -> None:
    assert read({"S3_ENDPOINT_URL": endpoint, "AWS_PROFILE": "work"}).profile == "work"


@pytest.mark.parametrize(
    ("env", "fault"),
    [
        ({"S3_ENDPOINT_URL": "https://amazonaws.com.test"}, "AWS_ACCESS_KEY_ID is not set."),
        ({"AWS_ACCESS_KEY_ID": "id"}, "AWS_SECRET_ACCESS_KEY is not set."),
        ({"AWS_SECRET_ACCESS_KEY": "secret"}, "AWS_ACCESS_KEY_ID is not set."),
        ({"AWS_SESSION_TOKEN": "token"}, "AWS_ACCESS_KEY_ID is not set."),
        (KEYS | {"AWS_ACCESS_KEY_ID": "my key"}, "AWS_ACCESS_KEY_ID contains a character"),
        (KEYS | {"AWS_SESSION_TOKEN": "schlüssel"}, "AWS_SESSION_TOKEN contains a character"),
        (KEYS | {"AWS_REGION": "EU (Frankfurt)"}, "AWS_REGION must be a region code"),
        (KEYS | {"S3_BUCKET": "s3://pictures"}, "S3_BUCKET must be the name"),
        (KEYS | {"S3_BUCKET": "pictures/2026"}, "S3_BUCKET must be the name"),
        (KEYS | {"S3_BUCKET": "My_Pictures"}, "S3_BUCKET must be the name"),
        (ELSEWHERE | {"S3_ENDPOINT_URL": "https://h/s3"}, "S3_ENDPOINT_URL must have no path"),
        (ELSEWHERE | {"S3_ENDPOINT_URL": "https://h?a=b"}, "S3_ENDPOINT_URL must have no path"),
        (
            KEYS | {"S3_ENDPOINT_URL": "https://drivestream.s3.amazonaws.com"},
            "S3_ENDPOINT_URL must not contain the bucket",
        ),
        (KEYS | {"S3_ADDRESSING_STYLE": "auto"}, "S3_ADDRESSING_STYLE must be path or virtual."),
        (
            KEYS | {"S3_ENDPOINT_URL": "http://10.0.0.1", "S3_ADDRESSING_STYLE": "virtual"},
            "S3_ADDRESSING_STYLE=virtual puts",
        ),
        (KEYS | {"S3_CA_FILE": "/nowhere.pem"}, "S3_CA_FILE names a file that cannot be read: No"),
        (KEYS | {"S3_CA_FILE": __file__}, "S3_CA_FILE names a file without a certificate"),
        (KEYS | {"S3_SERVER_SIDE_ENCRYPTION": "yes"}, "S3_SERVER_SIDE_ENCRYPTION must be AES256,"),
        (
            KEYS | {"S3_KMS_KEY_ID": "k"},
            "S3_KMS_KEY_ID requires S3_SERVER_SIDE_ENCRYPTION=aws:kms.",
        ),
        (
            KEYS | {"S3_SERVER_SIDE_ENCRYPTION": "aws:kms"},
            "With S3_SERVER_SIDE_ENCRYPTION=aws:kms, objects",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(env: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(env)
    faults = str(raised.value).split("\n")
    assert [each for each in faults if each.startswith(fault)], faults
    reader = Reader(env)
    StoreSettings.read(reader)
    assert len(faults) == len(set(reader.faults))


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({}, "https://drivestream.s3.us-east-1.amazonaws.com"),
        ({"AWS_REGION": "cn-north-1"}, "https://drivestream.s3.cn-north-1.amazonaws.com.cn"),
        ({"S3_BUCKET": "a.b.c"}, "https://s3.us-east-1.amazonaws.com/a.b.c"),
        ({"S3_ADDRESSING_STYLE": "path"}, "https://s3.us-east-1.amazonaws.com/drivestream"),
        (ELSEWHERE, "https://store.test:9000/drivestream"),
        (ELSEWHERE | {"S3_ADDRESSING_STYLE": "virtual"}, "https://drivestream.store.test:9000"),
        (
            ELSEWHERE | {"S3_ENDPOINT_URL": "https://oss-eu.aliyuncs.com"},
            "https://drivestream.oss-eu.aliyuncs.com",
        ),
    ],
)
def test_the_bucket_is_in_the_host_or_in_the_path(env: dict[str, str], address: str) -> None:
    settings = read(env)
    assert settings.at(settings.bucket) == address


def test_encryption_with_a_key_is_for_objects_that_not_everybody_reads() -> None:
    kms = KEYS | {"S3_SERVER_SIDE_ENCRYPTION": "aws:kms", "S3_KMS_KEY_ID": "alias/pictures"}
    assert read(kms | {"S3_PUBLIC_READ": "false"}).kms_key == "alias/pictures"
    assert read(kms | {"S3_PUBLIC_URL": "https://cdn.test/{key}"}).encryption == "aws:kms"
