"""A memory with a bound."""

from services.core.flow.lru_set import Recent


def test_what_was_noted_is_remembered_and_nothing_else() -> None:
    recent = Recent[str]()
    recent.note("a")
    assert "a" in recent
    assert "b" not in recent


def test_the_oldest_is_forgotten_first_and_noting_again_renews() -> None:
    recent = Recent[str](2)
    for item in ("a", "b", "a", "c"):
        recent.note(item)
    assert [item in recent for item in "abc"] == [True, False, True]
