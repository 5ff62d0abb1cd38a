"""The flags of keys, quota, faults and the log: from the command line to what they set up."""

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from drive_emulator.auth.authenticator import KeyState
from drive_emulator.control.request_log import DEFAULT_LENGTH, LONGEST, RequestLog
from drive_emulator.control.state import State
from drive_emulator.faults.delays import parse_delay
from drive_emulator.faults.rule import parse_rule
from drive_emulator.quota.settings import PROFILES, QuotaSettings, changed
from drive_emulator.tree.store import TreeStore

DEFAULT_KEY = "emulator-key"
Read = TypeVar("Read")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of this module, in groups."""
    _add_access(parser)
    _add_quota(parser)
    _add_faults(parser)


def _add_access(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("who may ask").add_argument
    states = ", ".join(KeyState)
    add("--api-key", action="append", metavar="KEY[=STATE]", type=_read(_key),
        help=f"a key, repeatable ({DEFAULT_KEY}); its state is one of: {states}")  # fmt: skip
    add("--bearer", action="append", default=[], metavar="TOKEN=ACCOUNT", type=_read(_bearer),
        help="an access token that never ends, repeatable: t0ken=somebody@example.com")  # fmt: skip


def _add_quota(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("quota", "What is not given is as the profile has it.")
    units = add.add_argument
    units("--quota", choices=sorted(PROFILES), default="none", metavar="PROFILE",
        help="units2026 (new projects: units per minute), legacy (12,000 requests per minute) or "
        "none (%(default)s)")  # fmt: skip
    units("--quota-project-per-minute", type=float, metavar="UNITS", help="of all keys and "
        "accounts together; 0 is no limit")  # fmt: skip
    units("--quota-user-per-minute", type=float, metavar="UNITS", help="of one account, quotaUser "
        "or address; 0 is no limit")  # fmt: skip
    units("--quota-set", type=_read(_object), default={}, metavar="JSON", help="any other setting "
        """of POST /_emu/quota: '{"model": "window", "status": 429, "retry_after": "seconds"}'""",
        )  # fmt: skip


def _add_faults(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("faults and log").add_argument
    add("--fault", action="append", default=[], type=_read(parse_rule), metavar="JSON",
        help="a rule as for POST /_emu/faults, repeatable: "
        """'{"match": {"kinds": ["media"], "first": 3}, "effect": {"do": "refuse", """
        """"reason": "userRateLimitExceeded"}}'""")  # fmt: skip
    add("--delay", action="append", default=[], type=_read(parse_delay), metavar="KIND=MS",
        help="make answers of a kind wait, repeatable: list=400")  # fmt: skip
    add("--log", type=_read(_length), default=DEFAULT_LENGTH, metavar="LINES",
        help="how many requests to remember for GET /_emu/log (%(default)s)")  # fmt: skip


def state_of(store: TreeStore, options: argparse.Namespace) -> State:
    """The world as the flags want it; raises `ValueError` with a sentence."""
    state = State(store, dict(options.api_key or [(DEFAULT_KEY, KeyState.OK)]))
    for token, account in options.bearer:
        state.tokens.fix(token, account)
    state.quota.change(_quota(options))
    for rule in (*options.delay, *options.fault):
        state.faults.add(rule)
    state.log = RequestLog(options.log)
    return state


def _quota(options: argparse.Namespace) -> QuotaSettings:
    wanted: dict[str, Any] = {"profile": options.quota}
    for name in ("project_per_minute", "user_per_minute"):
        value = getattr(options, f"quota_{name}")
        if value is not None:
            wanted[name] = value
    return changed(PROFILES[options.quota], wanted | options.quota_set)


def _read(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """As argparse wants it: the sentence of a `ValueError` is what the user is told."""

    def reading(text: str) -> Read:
        try:
            return read(text)
        except ValueError as why:
            raise argparse.ArgumentTypeError(str(why)) from None

    return reading


def _key(text: str) -> tuple[str, KeyState]:
    key, equals, state = text.rpartition("=")
    if equals and state in list(KeyState):
        return key, KeyState(state)
    return text, KeyState.OK


def _bearer(text: str) -> tuple[str, str]:
    token, _, account = text.partition("=")
    if not token or not account:
        raise ValueError("a token, =, and the account that it stands for")
    return token, account


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as why:
        raise ValueError(f"not an object of settings: {why}") from None


def _length(text: str) -> int:
    if not text.isdecimal() or len(text) > 12 or int(text) > LONGEST:
        raise ValueError(f"a number of lines, {LONGEST:,} at most")
    return int(text)
