"""How long a claim holds, on a clock that never goes back."""

from datetime import UTC, datetime, timedelta

import pytest

from executor_service.executors.lease import Lease, LeaseOver
from tests.fakes.clock import FakeClock


def test_lease_counts_from_before_it_was_asked_for() -> None:
    clock = FakeClock()
    asked_at = clock.monotonic()
    clock.advance(timedelta(seconds=5))

    lease = Lease(timedelta(seconds=60), asked_at=asked_at, clock=clock)

    assert lease.remaining_s() == 55


def test_lease_renewed_lasts_from_the_heartbeat() -> None:
    clock = FakeClock()
    lease = Lease(timedelta(seconds=60), asked_at=clock.monotonic(), clock=clock)
    clock.advance(timedelta(seconds=50))

    lease.renew(timedelta(seconds=30), asked_at=clock.monotonic())

    assert lease.remaining_s() == 30
    assert lease.length_s == 30


def test_request_that_the_lease_does_not_outlive_is_refused() -> None:
    clock = FakeClock()
    lease = Lease(timedelta(seconds=60), asked_at=clock.monotonic(), clock=clock)
    lease.require(10)
    clock.advance(timedelta(seconds=51))

    with pytest.raises(LeaseOver):
        lease.require(10)


def test_short_lease_must_be_half_full() -> None:
    clock = FakeClock()
    lease = Lease(timedelta(seconds=4), asked_at=clock.monotonic(), clock=clock)
    lease.require(10)
    clock.advance(timedelta(seconds=3))

    with pytest.raises(LeaseOver):
        lease.require(10)


def test_wall_clock_that_jumps_changes_nothing() -> None:
    clock = FakeClock()
    lease = Lease(timedelta(seconds=60), asked_at=clock.monotonic(), clock=clock)

    clock.set_wall_time(datetime(2040, 1, 1, tzinfo=UTC))

    assert lease.remaining_s() == 60
