"""DATABASE_URL: taken apart here, so that no driver is given an address to quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.catalog.settings import DatabaseSettings
from services.core.settings import Reader, Secret
from tests.passwords import AS_GIVEN, ENCODED, PLAIN, REFUSED, parts_of

ODD = st.text(
    st.sampled_from(PLAIN + "/?#%\x00\n0F") | st.characters(min_codepoint=128), max_size=12
)
BASE = "postgresql://user:{}@db.test:5433/pictures"


def read(url: str) -> tuple[DatabaseSettings, list[str]]:
    reader = Reader({"DATABASE_URL": url})
    return DatabaseSettings.read(reader), reader.faults


def parameters(url: str, **defaults: str) -> dict[str, str]:
    settings, faults = read(url)
    assert faults == []
    return settings.parameters(**defaults)


@pytest.mark.parametrize(("written", "password"), [*AS_GIVEN, *ENCODED])
def test_a_password_works_as_it_stands_or_percent_encoded(written: str, password: str) -> None:
    found = parameters(BASE.format(written))
    expected = {"user": "user", "host": "db.test", "port": "5433", "dbname": "pictures"}
    assert found == {**expected, "password": password}


@pytest.mark.parametrize("written", REFUSED)
def test_a_password_that_cannot_be_told_from_the_rest_is_refused_in_words(written: str) -> None:
    settings, faults = read(BASE.format(written))
    (fault,) = faults
    assert fault.startswith("DATABASE_URL ")
    assert "%" in fault
    assert not [part for part in parts_of(written) if part in fault + repr(settings)]


@given(password=ODD, url=st.sampled_from([BASE, "{}", "postgresql://{}"]))
def test_no_password_leaves_its_setting_by_a_fault(password: str, url: str) -> None:
    word = f"Qz7{password}Xv9"
    settings, faults = read(url.format(word))
    said = "".join(faults) + repr(settings)
    assert not [part for part in parts_of(word) if part in said]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://h", {"host": "h"}),
        ("postgresql://u@h/", {"user": "u", "host": "h"}),
        ("postgresql://h:5433/a%20b", {"host": "h", "port": "5433", "dbname": "a b"}),
        ("postgresql://[::1]:5433/x", {"host": "::1", "port": "5433", "dbname": "x"}),
        ("postgresql://a,b:1/x", {"host": "a,b", "port": ",1", "dbname": "x"}),
        ("postgresql:///x?host=/var/run", {"host": "/var/run", "dbname": "x"}),
        ("postgresql://%2Fvar%2Frun/x", {"host": "/var/run", "dbname": "x"}),
        (
            "postgresql://h/x?sslmode=verify-full&sslrootcert=system&application_name=a%20b",
            {
                "host": "h",
                "dbname": "x",
                "sslmode": "verify-full",
                "sslrootcert": "system",
                "application_name": "a b",
            },
        ),
    ],
)
def test_every_form_of_an_address_is_read(url: str, expected: dict[str, str]) -> None:
    assert parameters(url) == {"port": "5432"} | expected  # PGPORT steers nothing


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/x",
        "h/x",
        "postgresql://",
        "postgresql:///x",
        "postgresql://h:/x?host=",
        "postgresql://h:0/x",
        "postgresql://h:65536/x",
        "postgresql://h:٣/x",
        "postgresql://h/x?port=word",
        "postgresql://[::1/x",
        "postgresql://a..b/x",
        "postgresql://h/x/y",
        "postgresql://h/x?sslmod=require",
        "postgresql://h/x?sslmode",
        "postgresql://h/%ff",
        "postgresql://h/%00",
        "postgresql://h/a\nb",
        "postgresql://h/\udcff",
    ],
)
def test_what_is_no_address_of_postgresql_is_one_fault(url: str) -> None:
    _, faults = read(url)
    assert len(faults) == 1
    assert faults[0].startswith("DATABASE_URL ")


def test_an_address_that_is_missing_is_one_fault() -> None:
    assert read("")[1] == ["DATABASE_URL is not set."]


def test_what_the_address_says_counts_more_than_our_defaults_and_options_are_joined() -> None:
    found = parameters(
        "postgresql://h/x?application_name=mine&options=-c%20geqo%3Doff",
        application_name="ours",
        options="-c timezone=UTC",
        connect_timeout="10",
    )
    assert found["application_name"] == "mine"
    assert found["options"] == "-c timezone=UTC -c geqo=off"
    assert found["connect_timeout"] == "10"


def test_settings_made_from_an_unreadable_address_say_so_when_they_are_used() -> None:
    with pytest.raises(ValueError, match="DATABASE_URL must have a port"):
        DatabaseSettings(url=Secret("postgresql://h:word/x")).parameters()


@pytest.mark.parametrize("file", ["/nowhere/hush.pem", __file__])
def test_a_ca_that_cannot_be_read_is_a_fault(file: str) -> None:
    (fault,) = read(f"postgresql://h/x?sslmode=verify-full&sslrootcert={file}")[1]
    assert fault.startswith("DATABASE_URL has an sslrootcert that is no readable file")
    assert file not in fault
