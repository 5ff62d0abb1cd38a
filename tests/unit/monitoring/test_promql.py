"""What is found in an expression."""

import pytest

from tests.unit.monitoring.promql import Asked, Selector, asked


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("up", Asked((Selector("up"),), frozenset())),
        (
            'sum by (a, b) (rate(x_total{c="d", e=~"f|g"}[5m])) / on (a) y > 0.5e3 # z',
            Asked(
                (
                    Selector("x_total", {"c": frozenset({"d"}), "e": frozenset({"f", "g"})}),
                    Selector("y"),
                ),
                frozenset({"a", "b"}),
            ),
        ),
        (
            'label_replace(vector(1), "s", "api", "", "") unless x offset 1h or y{p!~"/{id}|.*"}',
            Asked((Selector("x"), Selector("y", {"p": frozenset()})), frozenset()),
        ),
        ("min_over_time(sum(x)[15m:1m])", Asked((Selector("x"),), frozenset())),
        ("count(x == 1) or vector(0)", Asked((Selector("x"),), frozenset())),
    ],
)
def test_names_and_labels_are_found_and_nothing_else(expression: str, expected: Asked) -> None:
    assert asked(expression) == expected
