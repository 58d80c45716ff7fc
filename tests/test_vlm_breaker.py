"""The breaker of one endpoint against a clock that is moved by hand."""

import pytest

from urbextag.vlm.breaker import FIRST_REST, LONGEST_REST, Breaker


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(name="clock")
def make_clock():
    return Clock()


def test_closed_until_the_first_fault(clock):
    breaker = Breaker(clock)
    assert (breaker.rest, breaker.tripped) == (0, False)
    breaker.close()
    assert (breaker.rest, breaker.tripped) == (0, False)


def test_each_rest_is_twice_the_one_before_to_a_bound(clock):
    breaker = Breaker(clock)
    rests = []
    for _ in range(5000):  # no overflow, however often
        rests.append(breaker.trip())
        assert breaker.rest == rests[-1]
        clock.now += breaker.rest
    assert rests[:7] == [1, 2, 4, 8, 16, 32, 60] and set(rests[6:]) == {60}
    assert (rests[0], rests[-1]) == (FIRST_REST, LONGEST_REST)


def test_it_rests_as_long_as_it_said_and_stays_tripped(clock):
    breaker = Breaker(clock)
    breaker.trip()
    clock.now += 0.75
    assert (breaker.rest, breaker.tripped) == (0.25, True)
    clock.now += 0.25
    assert (breaker.rest, breaker.tripped) == (0, True)
    clock.now += 1e6
    assert (breaker.rest, breaker.tripped) == (0, True)


@pytest.mark.parametrize(("wanted", "rest"), [(0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (30.0, 30.0), (3600.0, 3600.0)])
def test_a_server_may_ask_for_more_rest_but_not_for_less(clock, wanted, rest):
    breaker = Breaker(clock)
    assert breaker.trip(wanted) == rest
    clock.now += rest
    assert breaker.trip() == 2.0  # what it asked for is no measure of its faults


def test_a_success_closes_it_and_the_next_fault_is_a_first_one(clock):
    breaker = Breaker(clock)
    for _ in range(4):
        breaker.trip()
    breaker.close()
    assert (breaker.rest, breaker.tripped) == (0, False)
    assert breaker.trip() == 1.0


def test_it_has_the_systems_clock_by_itself():
    breaker = Breaker()
    breaker.trip()
    assert 0 < breaker.rest <= 1.0
