"""Which `FileFound` of a file counts where it is to be published again."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from services.core.events import FileFound
from services.core.outcomes import FileFacts
from tests.fakes.samples import a_file

FOUND = [
    (0, a_file(folder_id="a", version=1, round=0)),
    (1, a_file(folder_id="c", version=2, round=1)),
    (2, a_file(folder_id="b", version=2, round=1)),
    (3, a_file(folder_id="c", version=2, round=1)),
    (4, a_file(folder_id="a", version=2, round=0)),
]


@pytest.mark.parametrize("order", list(permutations(FOUND)))
def test_the_newest_counts_and_of_that_the_smallest_folder(
    order: Sequence[tuple[int, FileFound]],
) -> None:
    facts = FileFacts()
    for offset, event in order:
        facts.take(event, offset)
    assert (facts.found, facts.folder_id) == ((2, 1, 2), "b")


def test_of_one_that_was_published_twice_the_later_counts() -> None:
    for offsets in ((4, 9), (9, 4)):
        facts = FileFacts()
        for offset in offsets:
            facts.take(a_file(), offset)
        assert facts.found == (0, 0, 9)
