"""Whose a record is, by its headers alone, and whatever somebody wrote into them."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.core.ownership import LONGEST, Ownership, ownership
from services.core.wire import encode
from tests.samples import FOUND


def never(_import_id: str, _round: int) -> bool:
    return False


def test_a_file_is_its_import_s_in_its_round() -> None:
    asked = []

    def is_bulk(import_id: str, round: int) -> bool:
        asked.append((import_id, round))
        return True

    file = replace(FOUND, replay_id=None, round=3)
    found = ownership(dict(encode(file, source="test").headers), is_bulk)
    assert found == Ownership(FOUND.import_id, bulk=True)
    assert asked == [(FOUND.import_id, 3)]


def test_a_file_of_a_replay_is_the_replay_s_and_bulk() -> None:
    file = replace(FOUND, replay_id="replay-7")
    found = ownership(dict(encode(file, source="test").headers), never)
    assert found == Ownership("replay-7", bulk=True)


@given(st.dictionaries(st.sampled_from(["ce_importid", "ce_round", "ce_replayid"]), st.binary()))
def test_any_headers_have_an_owner(headers: dict[str, bytes]) -> None:
    owner, _ = ownership(headers, never)
    assert len(owner) <= LONGEST
