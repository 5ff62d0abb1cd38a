"""Each contract suite of the store runs on two servers by different people."""

from collections.abc import Mapping

import pytest

STORES = {"minio": "servers", "seaweedfs": "second_store"}
"""Each real store, and the fixture with its settings."""
MARKS = {"minio": [pytest.mark.real], "seaweedfs": [pytest.mark.real, pytest.mark.long]}
REAL = [pytest.param(name, marks=marks) for name, marks in MARKS.items()]
"""The second one takes half a minute, for what the first has nearly always shown."""


def settings_of(request: pytest.FixtureRequest, store: str) -> Mapping[str, str]:
    """Of a store of `STORES`, started if need be. Skips what it cannot do."""
    name = request.node.name.partition("[")[0]
    if store == "seaweedfs" and name in SEAWEEDFS_CANNOT:
        pytest.skip(f"SeaweedFS {SEAWEEDFS_CANNOT[name]}")
    settings: Mapping[str, str] = request.getfixturevalue(STORES[store])
    return settings


SEAWEEDFS_CANNOT: Mapping[str, str] = {
    "test_objects_are_listed_in_the_order_of_their_keys": "lists a folder before its siblings",
}
"""Tests by name, and why."""


@pytest.fixture(params=REAL)
def real_store(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Settings of each real store in turn."""
    return settings_of(request, request.param)
