"""How often one caller may come."""

from datetime import timedelta

import pytest

from callback_gateway.routes.buckets import MAX_KEYS, Buckets, TooManyRequests
from tests.fakes.clock import FakeClock


def test_take_burst_passes_and_one_more_is_refused_until_there_is_a_token() -> None:
    clock = FakeClock()
    buckets = Buckets(per_s=2, burst=3, clock=clock)
    for _ in range(3):
        buckets.take("a")

    with pytest.raises(TooManyRequests) as refused:
        buckets.take("a")

    assert refused.value.retry_after.total_seconds() == 0.5
    clock.advance(timedelta(seconds=0.5))
    buckets.take("a")


def test_take_of_another_key_has_its_own_bucket() -> None:
    buckets = Buckets(per_s=1, burst=1, clock=FakeClock())
    buckets.take("a")

    buckets.take("b")


def test_take_after_a_long_time_gains_no_more_than_the_burst() -> None:
    clock = FakeClock()
    buckets = Buckets(per_s=10, burst=2, clock=clock)
    buckets.take("a")
    clock.advance(timedelta(hours=1))
    buckets.take("a")
    buckets.take("a")

    with pytest.raises(TooManyRequests):
        buckets.take("a")


def test_take_refused_tries_cost_nothing() -> None:
    clock = FakeClock()
    buckets = Buckets(per_s=1, burst=1, clock=clock)
    buckets.take("a")
    for _ in range(10):
        with pytest.raises(TooManyRequests):
            buckets.take("a")

    clock.advance(timedelta(seconds=1))
    buckets.take("a")


def test_take_without_a_rate_never_refuses() -> None:
    buckets = Buckets(per_s=0, burst=1, clock=FakeClock())

    for _ in range(100):
        buckets.take("a")


def test_take_remembers_a_bounded_number_of_keys() -> None:
    buckets = Buckets(per_s=0.001, burst=1, clock=FakeClock())
    buckets.take("first")
    for number in range(MAX_KEYS):
        buckets.take(str(number))

    buckets.take("first")
