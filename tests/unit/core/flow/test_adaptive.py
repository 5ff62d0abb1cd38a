"""The limit that finds its concurrency, against servers whose best one is known."""

import math
import random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.flow.adaptive import FIRST, AdaptiveLimit, Bounds
from services.core.flow.gradient import Stay
from tests.fakes.simulated_server import FixedLimit, Load, SimulatedServer

WIDE = Bounds(least=2, most=256)
LEVELS = (4, 16, 64, 256)
LATENCIES = (0.0, 0.02, 0.1, 0.4)


def adaptive(bounds: Bounds = WIDE) -> AdaptiveLimit:
    return AdaptiveLimit(bounds, 0.0)


def best(load: Load) -> float:
    """Files a second of the best fixed limit."""
    servers = [SimulatedServer([FixedLimit(level)], load) for level in LEVELS]
    return max(server.run(10).rate(4, 10) for server in servers)


def limits_between(server: SimulatedServer, begin: float, end: float) -> list[int]:
    """At every second."""
    seconds = range(math.ceil(begin), math.ceil(end))
    return [[limit for at, limit in server.limits if at <= second][-1] for second in seconds]


@pytest.mark.parametrize("servers", [1, 2])
@pytest.mark.parametrize("latency", LATENCIES)
def test_after_10_s_it_has_nine_tenths_of_the_best_throughput_and_keeps_to_it(
    latency: float, servers: int
) -> None:
    load = Load(latency=lambda _: latency, service=lambda _: 0.005 * servers, servers=servers)
    most = best(load)
    for seed in range(2):
        server = SimulatedServer([adaptive()], load, seed).run(45)
        assert server.rate(10, 20) >= 0.9 * most
        assert server.rate(20, 45) >= 0.9 * most


@pytest.mark.parametrize("latency", LATENCIES)
def test_it_does_not_swing(latency: float) -> None:
    load = Load(latency=lambda _: latency)
    server = SimulatedServer([adaptive()], load).run(90)
    limits = limits_between(server, 30, 90)
    at_rest = median(limits)
    near = [limit for limit in limits if 0.7 <= limit / at_rest <= 1.4]
    assert len(near) >= 0.9 * len(limits)
    # Of 200 a second; chance alone makes some 4 % in 5 s.
    assert all(server.rate(t, t + 5) >= 150 for t in range(30, 90, 5))


@pytest.mark.parametrize(("latency", "most"), [(0.0, 24), (0.02, 32), (0.1, 96)])
def test_it_takes_few_where_few_are_enough(latency: float, most: int) -> None:
    load = Load(latency=lambda _: latency)
    for seed in range(2):
        server = SimulatedServer([adaptive()], load, seed).run(40)
        assert median(limits_between(server, 10, 40)) <= most


def test_what_waits_for_quota_is_not_slow_and_the_limit_does_not_grow_in_vain() -> None:
    load = Load(latency=lambda _: 0.1, waits=lambda now: 1.0 if now > 20 else 0.0)
    server = SimulatedServer([adaptive()], load).run(80)
    assert len(set(limits_between(server, 25, 80))) == 1
    assert server.clients[0].limit <= 64


def test_a_limit_that_is_not_reached_stays() -> None:
    """The backlog is empty nine tenths of the time."""
    load = Load(latency=lambda _: 0.1, backlog=lambda now: now < 20 or now % 1 < 0.1)
    server = SimulatedServer([adaptive()], load).run(80)
    assert len(set(limits_between(server, 25, 80))) == 1


def test_a_huge_file_among_small_ones_changes_nothing() -> None:
    load = Load(latency=lambda _: 0.1)
    server = SimulatedServer([adaptive()], load)
    for begin in (0, 12, 35):
        server.run(begin).add_huge_file(20)
    assert server.run(60).rate(10, 60) >= 0.9 * best(load)
    assert median(limits_between(server, 10, 60)) <= 96


def test_sizes_of_all_kinds_on_a_line_that_is_full() -> None:
    def size(draw: random.Random) -> int:
        return int(min(8e6, 100_000 * math.exp(draw.gauss(0, 1.2))))

    load = Load(latency=lambda _: 0.1, bytes_a_second=40e6, size=size)
    server = SimulatedServer([adaptive()], load).run(60)
    assert server.rate(10, 60) >= 0.9 * best(load)


def test_a_store_that_becomes_a_hundred_times_slower_and_recovers() -> None:
    """It has a hundredth of its capacity: few at once are enough."""
    load = Load(latency=lambda _: 0.02, service=lambda now: 0.3 if 20 < now < 90 else 0.003)
    server = SimulatedServer([adaptive()], load).run(90)
    assert server.rate(40, 90) >= 2.5  # of 3.3
    assert server.clients[0].limit <= 8
    assert server.run(130).rate(100, 130) >= 0.9 * 333


def test_an_answer_that_takes_a_hundred_times_as_long_needs_more_at_once() -> None:
    load = Load(latency=lambda now: 2.0 if 20 < now < 80 else 0.02, service=lambda _: 0.003)
    server = SimulatedServer([adaptive(Bounds(least=2, most=64))], load).run(80)
    assert server.rate(62, 80) >= 0.9 * 64 / 2
    assert server.run(120).rate(90, 120) >= 0.9 * 333


def test_workers_that_share_a_server_do_not_drive_each_other_up() -> None:
    """Each could take throughput from the other, and would end at 256."""
    load = Load(latency=lambda _: 0.1, service=lambda _: 0.003)
    clients = [adaptive(), adaptive()]
    server = SimulatedServer(clients, load).run(120)
    assert server.rate(20, 120) >= 0.9 * 333
    assert sum(client.limit for client in clients) <= 256


def test_a_fixed_limit_is_kept() -> None:
    server = SimulatedServer([adaptive(Bounds(least=5, most=5))], Load()).run(30)
    assert {limit for _, limit in server.limits} == {5}


def test_one_at_a_time_is_a_limit_too() -> None:
    server = SimulatedServer([adaptive(Bounds(least=1, most=1))], Load()).run(10)
    assert {limit for _, limit in server.limits} == {1}
    assert server.rate(0, 10) >= 0.9 * 200


@pytest.mark.parametrize(("least", "most", "first"), [(1, 4, 4), (2, 128, FIRST), (20, 40, 20)])
def test_it_begins_within_its_bounds(least: int, most: int, first: int) -> None:
    assert adaptive(Bounds(least=least, most=most)).limit == first


def test_after_a_disturbance_files_that_began_before_it_do_not_count() -> None:
    limit = adaptive()
    for number in range(1_000):
        limit.finished(10 + number * 0.01, Stay(8, 9.0, 1.0), FIRST * (10 + number * 0.01))
    assert limit.limit > FIRST  # they count, if nothing is disturbed
    limit = adaptive()
    limit.disturbed(10.0)
    for number in range(1_000):
        limit.finished(10 + number * 0.01, Stay(8, 9.0, 1.0), FIRST * (10 + number * 0.01))
    assert limit.limit == FIRST


@given(
    least=st.integers(1, 20),
    more=st.integers(0, 200),
    files=st.lists(
        st.tuples(
            st.floats(0, 100),  # seconds until it is finished
            st.floats(0, 1e6),  # seconds that it took
            st.floats(0, 1e6),  # seconds that it waited
            st.integers(0, 2000),  # slots in use
            st.integers(0, 3),  # kind
            st.booleans(),  # something else was disturbed
        ),
        max_size=300,
    ),
)
@settings(max_examples=100, deadline=None)
def test_the_bounds_are_kept_whatever_comes(
    least: int, more: int, files: list[tuple[float, float, float, int, int, bool]]
) -> None:
    bounds, now, slot_seconds = Bounds(least=least, most=least + more), 0.0, 0.0
    limit = AdaptiveLimit(bounds, now)
    for apart, worked, waited, in_use, kind, disturbed in files:
        now += apart
        slot_seconds += apart * in_use
        if disturbed:
            limit.disturbed(now)
        limit.finished(now, Stay(kind, now, worked, waited), slot_seconds)
        assert bounds.least <= limit.limit <= bounds.most


@given(
    least=st.integers(1, 20),
    more=st.integers(0, 100),
    latency=st.floats(0, 1),
    service=st.floats(0.002, 0.1),
    seed=st.integers(0, 1000),
)
@settings(max_examples=10, deadline=None)
def test_the_bounds_are_kept_at_any_server(
    least: int, more: int, latency: float, service: float, seed: int
) -> None:
    load = Load(latency=lambda _: latency, service=lambda _: service)
    bounds = Bounds(least=least, most=least + more)
    server = SimulatedServer([AdaptiveLimit(bounds, 0.0)], load, seed).run(20)
    assert all(bounds.least <= limit <= bounds.most for _, limit in server.limits)
