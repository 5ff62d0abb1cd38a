"""Ids and tokens: encrypted payloads are decrypted, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.tree.token_cipher import TokenCipher

SEAL = TokenCipher(b"a secret")


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=40))
def test_an_encrypted_payload_is_decrypted(payload: bytes, bound_to: bytes) -> None:
    assert SEAL.decrypt(SEAL.encrypt(payload, bound_to), bound_to) == payload


@given(st.text(max_size=60) | st.text("Ab0_-", min_size=100, max_size=200))
def test_no_other_text_is_decrypted(text: str) -> None:
    assert SEAL.decrypt(text) is None


@given(st.integers(0, 31), st.sampled_from("ABCabc019-_"))
def test_one_changed_character_is_noticed(place: int, character: str) -> None:
    text = SEAL.encrypt(b"12345678")
    changed = text[:place] + character + text[place + 1 :]
    assert changed == text or SEAL.decrypt(changed) is None


def test_another_secret_or_binding_does_not_decrypt() -> None:
    text = SEAL.encrypt(b"12345678", b"this query")
    assert SEAL.decrypt(text, b"that query") is None
    assert TokenCipher(b"another").decrypt(text, b"this query") is None


def test_padding_and_line_ends_are_not_ignored() -> None:
    text = SEAL.encrypt(b"1234567")
    for altered in (text + "=", text + "\n", text + " ", " " + text):
        assert SEAL.decrypt(altered) is None
