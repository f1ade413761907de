"""Bounds on work in progress and on what refusals may write."""

from datetime import timedelta

import pytest
from prometheus_client import Gauge
from structlog.testing import capture_logs

from callback_gateway.routes.refusals import RefusalLog
from callback_gateway.routes.slots import Overloaded, Slots
from tests.fakes.clock import FakeClock


def test_slots_all_taken_refuses_until_one_is_given_back() -> None:
    gauge = Gauge("in_use", "Slots in use.", registry=None)
    slots = Slots(1, in_use=gauge)

    with slots.taken():
        with pytest.raises(Overloaded), slots.taken():
            pass
        assert gauge._value.get() == 1

    with slots.taken():
        assert gauge._value.get() == 1
    assert gauge._value.get() == 0


def test_slots_failure_inside_gives_the_slot_back() -> None:
    slots = Slots(1, in_use=Gauge("in_use", "Slots in use.", registry=None))

    with pytest.raises(RuntimeError), slots.taken():
        raise RuntimeError

    with slots.taken():
        pass


def test_refusal_log_flood_writes_one_line_a_second_per_status() -> None:
    clock = FakeClock()
    log = RefusalLog(clock)

    with capture_logs() as lines:
        for _ in range(1000):
            log.refused(path="/p", status=401, caller="192.0.2.1", why="CapabilityRefused")
            log.refused(path="/p", status=413, caller="192.0.2.1", why="BodyTooLarge")
        clock.advance(timedelta(seconds=1))
        log.refused(path="/p", status=401, caller="192.0.2.1", why="CapabilityRefused")

    assert [(line["status"], line["left_out"]) for line in lines] == [(401, 0), (413, 0), (401, 999)]
