"""A message in hand is counted until it is done or left, so that a drain knows what to wait for."""

from collections import deque

from services.adapters.kafka.consumer import Assignment, Delivery
from services.adapters.kafka.reader import Raw


def in_hand() -> tuple[Delivery, Assignment, deque[Delivery]]:
    finished: deque[Delivery] = deque()
    record = Raw(topic="t", partition=0, offset=7, key=None, value=b"", headers={})
    assignment = Assignment()
    assignment.in_hand = 1
    return Delivery(record, assignment, finished), assignment, finished


def test_what_is_done_is_handed_back_once() -> None:
    delivery, assignment, finished = in_hand()
    delivery.done()
    delivery.done()
    assert (assignment.in_hand, list(finished)) == (0, [delivery])


def test_what_is_left_is_not_waited_for_and_not_finished_either() -> None:
    delivery, assignment, finished = in_hand()
    delivery.leave()
    delivery.done()
    assert (assignment.in_hand, list(finished)) == (0, [])
