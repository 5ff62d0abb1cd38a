"""What `tests.fire` says of processes, and of the system at rest."""

import re
from dataclasses import replace
from typing import Any

from local.paths import CHECKOUT
from tests.fire.checks.at_rest import Rest, fetched_once, nothing_behind, rebuilt, replays, verified
from tests.fire.checks.processes import LIMITS, MIB, bounded_memory, stays, stops_in_time

STOP = {"t": 1, "name": "api", "seconds": 1.0, "code": 0, "up": True}
REST = Rest(behind={"transfer": 0}, told={"transfer": 0}, in_flight={"transfer-1": 0.0})
UNITS = {"Mi": MIB, "Gi": 1024 * MIB}
DUMP = {"images": ["(1, 'a')"], "imports": []}
REPLAY: dict[str, Any] = {
    **{"state": "completed", "selected": 3},
    **{"stored": 1, "unchanged": 1, "failed": 1, "pending": 0},
}


def test_the_limits_of_memory_are_those_of_kubernetes() -> None:
    for name, limit in LIMITS.items():
        manifest = (CHECKOUT / "deploy" / "kubernetes" / "base" / f"{name}.yaml").read_text()
        [(number, unit)] = re.findall(r"limits: .*memory: (\d+)(Mi|Gi)", manifest)
        assert int(number) * UNITS[unit] == limit


def test_a_process_above_its_limit_is_told() -> None:
    assert bounded_memory({"lister-1": 384 * MIB, "api": 1280 * MIB}).holds
    assert not bounded_memory({"lister-1": 384 * MIB + 1}).holds


def test_whoever_ends_by_itself_does_not_answer_or_never_ends_is_told() -> None:
    assert stays([], [], []).holds
    assert not stays([{"t": 1, "name": "api", "code": 1}], [], []).holds
    assert not stays([], [{"t": 1, "asked": "small", "why": "refused"}], []).holds
    assert not stays([], [], [{"says": "not all ended"}]).holds


def test_a_stop_that_is_late_or_fails_is_told() -> None:
    assert stops_in_time([STOP]).holds
    assert not stops_in_time([{**STOP, "seconds": 36.0}]).holds
    assert not stops_in_time([{**STOP, "code": 1}]).holds
    assert stops_in_time([{**STOP, "code": -15, "up": False}]).holds


def test_a_replay_that_is_lost_open_unequal_or_changes_objects_is_told() -> None:
    objects = {"key": "md5"}
    assert replays(["r"], {"r": REPLAY}, objects, objects).holds
    assert not replays(["r"], {}, objects, objects).holds
    assert not replays(["r"], {"r": {**REPLAY, "state": "running"}}, objects, objects).holds
    assert not replays(["r"], {"r": {**REPLAY, "selected": 4}}, objects, objects).holds
    assert not replays([], {}, objects, {"key": "other"}).holds
    assert not replays([], {}, objects, {}).holds


def test_whatever_is_not_at_rest_is_told() -> None:
    assert nothing_behind(REST).holds
    for wrong in (
        replace(REST, behind={"transfer": 1}),
        replace(REST, told={"transfer": 1}),
        replace(REST, told={}),
        replace(REST, unknown=["The rates are not current."]),
        replace(REST, in_flight={"transfer-1": 2.0}),
        replace(REST, letters=1),
    ):
        assert not nothing_behind(wrong).holds


def test_a_file_fetched_in_vain_or_stored_without_being_fetched_is_told() -> None:
    assert fetched_once({"f1"}, {"f1"}, {"f2"}).holds
    assert not fetched_once({"f1", "f2"}, {"f1"}, {"f2"}).holds
    assert not fetched_once(set(), {"f1"}, {"f2"}).holds


def test_verify_and_a_rebuild_are_judged_by_what_they_did() -> None:
    assert verified(0, "all is well").holds
    assert not verified(1, "1 missing").holds
    assert rebuilt(0, "done", DUMP, DUMP).holds
    assert not rebuilt(1, "failed", DUMP, DUMP).holds
    assert not rebuilt(0, "done", DUMP, {**DUMP, "images": []}).holds
    assert not rebuilt(0, "done", DUMP, {**DUMP, "imports": ["(2,)"]}).holds
    assert not rebuilt(0, "done", DUMP, {**DUMP, "images": DUMP["images"] * 2}).holds
