"""The dice of `tests.fire`: the same seed throws the same."""

from collections import Counter

from tests.fire import plan

HOUR = 3_600.0


def test_the_same_seed_throws_the_same_faults_and_another_one_others() -> None:
    assert plan.faults(1, 600) == plan.faults(1, 600)
    assert plan.asks(1, 600) == plan.asks(1, 600)
    assert plan.tree(1, 4, 30) == plan.tree(1, 4, 30)
    assert plan.faults(1, 600) != plan.faults(2, 600)
    assert plan.asks(1, 600) != plan.asks(2, 600)


def test_a_shorter_fire_is_the_beginning_of_a_longer_one() -> None:
    longer = plan.faults(3, 600)
    assert list(plan.faults(3, 180)) == [fault for fault in longer if fault.at < 180]


def test_three_minutes_have_every_kind_of_fault_and_of_request() -> None:
    for seed in range(5):
        assert {fault.kind for fault in plan.faults(seed, 180)} == set(plan.FAULTS)
        assert {ask.what for ask in plan.asks(seed, 180)} == set(plan.ASKS)


def test_an_hour_strikes_every_target_and_none_before_it_recovered() -> None:
    faults = plan.faults(1, HOUR)
    struck = Counter(fault.target for fault in faults)
    assert set(struck) == {target for targets in plan.TARGETS.values() for target in targets}
    free: dict[str, float] = {}
    for fault in faults:
        assert fault.at >= free.get(fault.target, 0.0)
        free[fault.target] = fault.at + fault.lasts


def test_a_frozen_worker_sleeps_longer_than_its_session() -> None:
    assert all(fault.lasts > 6 for fault in plan.faults(1, HOUR) if fault.kind == "freeze")


def test_no_two_files_of_a_tree_have_one_name() -> None:
    items = plan.tree(1, 0, 300)["items"]
    assert isinstance(items, list)
    names = [item["path"][-1] for item in items]
    assert len(set(names)) == len(names)
    assert any(item.get("size", 0) > 8 * plan.MIB for item in items)
