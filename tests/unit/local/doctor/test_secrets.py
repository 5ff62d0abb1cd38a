"""No secret passes, in whatever spelling it comes back."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.doctor.secrets import CUTS, Secrets, resource_keys

KEY = "Zq7-very/secret+key=&9"
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=300)


@given(secret=printable, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_secret_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    hide = Secrets({"GOOGLE_API_KEY": secret}).hide
    for spelt in (secret, quote(secret, safe=""), json.dumps(secret), repr(secret)):
        assert secret not in hide(before + spelt + after)


@pytest.mark.parametrize("length", CUTS)
def test_the_beginning_of_a_long_secret_is_hidden_where_sentences_cut_it(length: int) -> None:
    secret = "".join(chr(97 + n % 26) for n in range(300))
    said = Secrets({"AWS_SECRET_ACCESS_KEY": secret}).hide(f"not {secret[:length]!r}.")
    assert secret[:12] not in said
    assert said == "not '********'."


@pytest.mark.parametrize(
    "name",
    [
        "GOOGLE_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "DATABASE_URL",
        "DATABASE_READ_URL",
        "MY_TOKEN",
        "PGPASSWORD",
    ],
)
def test_settings_that_are_secrets_by_name_are_hidden(name: str) -> None:
    assert KEY not in Secrets({name: KEY}).hide(f"a {KEY} b")


def test_what_stands_before_the_host_of_any_address_is_hidden() -> None:
    env = {
        "S3_ENDPOINT_URL": "http://mallory:pa55-phrase@store.test:9000",
        "KAFKA_BOOTSTRAP_SERVERS": "one:first-phrase@a:1,two:second-phrase@b:2",
    }
    hide = Secrets(env).hide
    for word in ("pa55-phrase", "mallory:pa55-phrase", "first-phrase", "second-phrase"):
        assert word not in hide(f"It said {word}, and {word}@host")


def test_a_credentials_file_is_hidden_line_by_line(tmp_path: Path) -> None:
    fields = {
        "type": "service_account",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvAIBADANBgkq\nhkiG9w0BAQEF\n-----END",
        "private_key_id": "0123456789abcdef",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path = tmp_path / "account.json"
    path.write_text(json.dumps(fields))
    hide = Secrets({"GOOGLE_APPLICATION_CREDENTIALS": str(path)}).hide
    said = hide(f"{json.dumps(fields)} MIIEvAIBADANBgkq hkiG9w0BAQEF")
    for word in ("MIIEvAIB", "hkiG9w0B", "0123456789abcdef", "robot@project"):
        assert word not in said
    assert "oauth2.googleapis.com" in hide("no answer from https://oauth2.googleapis.com/token")


def test_a_key_that_was_put_where_its_path_belongs_is_hidden() -> None:
    value = '{"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEvAIBADANBgkq"}'
    hide = Secrets({"GOOGLE_APPLICATION_CREDENTIALS": value}).hide
    assert "MIIEvAIB" not in hide(f"{value[:200]} cannot be read; {value}")


@pytest.mark.parametrize(
    "text",
    [
        "key AIzaSyA1234567890abcdefghijklmnopqrstuvw is wrong",
        "token ya29.a0AfH6SMBx-secret_part.more",
        "Authorization: Bearer abc.def-ghi",
        "assertion eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
        "https://user:phrase@host/path",
        "GET /files?key=abcdefgh&x=1",
        "https://host/?resourcekey=0-abcdefgh",
        "https://host/?X-Amz-Signature=abcdefgh0123",
        "X-Goog-Drive-Resource-Keys: 1abc/0-Abcdefghijklmnop_q",
        "-----BEGIN PRIVATE KEY----- MIIE abcdefgh",
        "robot@project.iam.gserviceaccount.com",
    ],
)
def test_what_looks_like_a_secret_is_hidden_though_nobody_named_it(text: str) -> None:
    said = Secrets({}).hide(text)
    assert "********" in said
    for word in ("AIzaSy", "a0AfH6", "abc.def", "eyJpc3", "phrase", "abcdefgh", "MIIE", "robot"):
        assert word not in said


def test_ordinary_words_stay_and_control_characters_go() -> None:
    text = "Kafka is not responding: Connection refused\x1b[31m\nat 127.0.0.1:29092"
    said = Secrets({"S3_BUCKET": "drivestream", "AWS_ACCESS_KEY_ID": "drivestream"}).hide(text)
    assert said == "Kafka is not responding: Connection refused [31m at 127.0.0.1:29092"


def test_the_resource_key_of_a_link_is_found_in_any_spelling() -> None:
    assert resource_keys("https://x/open?id=1&ResourceKey=0-abc&usp=y") == ["0-abc"]
    assert resource_keys("https%3A%2F%2Fx%2F%3Fresourcekey%3D0-abc") == ["0-abc"]
    assert resource_keys("https://x/") == []
