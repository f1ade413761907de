"""The system's clock and the test's."""

from datetime import UTC, datetime, timedelta

from servicekit.clock import Clock, SystemClock
from tests.fakes.clock import FakeClock


def test_system_clock_is_aware_and_goes_on() -> None:
    clock: Clock = SystemClock()

    first, second = clock.monotonic(), clock.monotonic()

    assert clock.now().tzinfo is UTC
    assert second >= first


def test_fake_clock_moves_only_when_told_to() -> None:
    fake = FakeClock(datetime(2026, 5, 1, tzinfo=UTC))
    clock: Clock = fake
    before = clock.monotonic()

    fake.advance(timedelta(seconds=90))
    assert clock.now() == datetime(2026, 5, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.monotonic() - before == 90

    fake.set_wall_time(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock.monotonic() - before == 90
