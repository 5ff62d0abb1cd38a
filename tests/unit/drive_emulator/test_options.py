"""What the command line sets up, and what it refuses."""

import argparse

import pytest

from drive_emulator.auth.authenticator import KeyState
from drive_emulator.control.state import State
from drive_emulator.faults.request_effects import Latency, Refuse
from drive_emulator.options import DEFAULT_KEY, parser, state_of
from drive_emulator.tree.store import TreeStore


def state(store: TreeStore, *arguments: str) -> State:
    flags = parser()
    flags.exit_on_error = False
    return state_of(store, flags.parse_args(arguments))


def test_without_flags_there_is_one_key_and_nothing_else(store: TreeStore) -> None:
    made = state(store)
    assert made.authenticator.keys == {DEFAULT_KEY: KeyState.OK}
    assert not made.quota.on
    assert not made.faults.any


def test_keys_have_states_and_may_hold_an_equals_sign(store: TreeStore) -> None:
    made = state(store, "--api-key", "a", "--api-key", "b=disabled", "--api-key", "c=d")
    assert made.authenticator.keys == {"a": KeyState.OK, "b": KeyState.DISABLED, "c=d": KeyState.OK}


def test_a_bearer_token_never_expires(store: TreeStore) -> None:
    made = state(store, "--bearer", "t0ken=a@b.c")
    made.clock.advance(1e8)
    assert made.tokens.account("t0ken") == "a@b.c"


def test_a_quota_is_a_profile_with_changes(store: TreeStore) -> None:
    made = state(
        store, "--quota", "units2026", "--quota-user-per-minute", "32500",
        "--quota-set", '{"status": 429, "costs": {"get": 6}}',
    )  # fmt: skip
    settings = made.quota.settings
    assert (settings.user_per_minute, settings.project_per_minute) == (32_500, 1_000_000)
    assert (settings.status, settings.costs.get, settings.costs.list) == (429, 6, 100)


def test_a_limit_alone_is_a_quota(store: TreeStore) -> None:
    assert state(store, "--quota-project-per-minute", "60").quota.on


def test_faults_and_delays_are_rules(store: TreeStore) -> None:
    made = state(
        store, "--delay", "list=400", "--fault", '{"effect": {"do": "refuse"}}', "--log", "5"
    )
    assert [type(rule.spec.effect) for rule in made.faults.rules] == [Latency, Refuse]
    assert made.log.length == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bearer", "token"),
        ("--bearer", "=account"),
        ("--fault", "{}"),
        ("--delay", "list"),
        ("--log", "-1"),
        ("--log", "99999999999"),
        ("--quota", "gold"),
        ("--quota-set", "[]"),
        ("--quota-user-per-minute", "x"),
    ],
)
def test_a_bad_flag_is_refused(store: TreeStore, arguments: tuple[str, ...]) -> None:
    with pytest.raises(argparse.ArgumentError):
        state(store, *arguments)


def test_an_invalid_quota_is_refused_with_a_sentence(store: TreeStore) -> None:
    with pytest.raises(ValueError, match="invalid quota: Expected `float` >= 0"):
        state(store, "--quota-user-per-minute", "-5")
