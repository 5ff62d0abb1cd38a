"""Unit tests touch no network: every socket is refused (the event loop's own pair excepted)."""

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before each test of this folder."""
    disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    """The tests of other folders need their sockets."""
    enable_socket()
