"""Keys are made, written into the settings, and read from them without being repeated."""

import re

import pytest

from services.core.api_keys import digest_of, new_key, parse_keys

HASH = "ab" * 32


def test_a_key_is_random_and_fits_into_a_url() -> None:
    made = [new_key("ci", "import") for _ in range(50)]
    assert len({key for key, _ in made}) == 50
    for key, known in made:
        assert re.fullmatch(r"drivestream_[A-Za-z0-9_-]{43}", key)  # 43 letters hold 256 bits
        assert key not in known.setting()
        keys, faults = parse_keys(known.setting())
        assert (list(keys), list(faults)) == ([known], [])
        assert keys[0].digest == digest_of(key.encode())


def test_scopes_include_those_before() -> None:
    for scope, allowed in {"read": 1, "import": 2, "admin": 3}.items():
        _, known = new_key("a", scope)
        assert sum(known.allows(each) for each in ("read", "import", "admin")) == allowed


def test_a_list_may_have_spaces_and_a_last_comma() -> None:
    keys, faults = parse_keys(f" a:read:{HASH} , b.c-d_e:admin:{HASH[::-1].upper()},")
    assert [(key.name, key.scope) for key in keys] == [("a", "read"), ("b.c-d_e", "admin")]
    assert faults == []


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("x", "NAME:SCOPE:SHA256"),
        (f"a:b:read:{HASH}", "NAME:SCOPE:SHA256"),
        (f":read:{HASH}", "name"),
        (f"a b:read:{HASH}", "name"),
        (f"{'x' * 65}:read:{HASH}", "name"),
        (f"a:write:{HASH}", "read, import, admin"),
        (f"a:READ:{HASH}", "read, import, admin"),
        ("a:read:secret-in-the-wrong-place", "64 hexadecimal digits"),
        (f"a:read:{HASH}0", "64 hexadecimal digits"),
        (f"ok:read:{HASH[::-1]}", "name that another entry has"),
        (f"a:admin:{'00' * 32}", "key of another entry"),
        ("a:read:drivestream_secret-in-the-wrong-place", "the key's SHA-256"),
    ],
)
def test_what_is_wrong_is_said_without_a_value(entry: str, fault: str) -> None:
    keys, faults = parse_keys(f"ok:read:{'00' * 32},{entry}")
    assert len(keys) == 1
    assert len(faults) == 1
    assert faults[0].startswith("Entry 2 of API_KEYS ")
    assert fault in faults[0]
    assert "wrong-place" not in faults[0]
