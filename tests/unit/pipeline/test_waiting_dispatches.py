"""What waits to be published: the newest dispatch of each piece of work, in the order of the commits."""

from dataclasses import replace

import pytest

from pipeline_service.domain.model import Dispatch
from pipeline_service.domain.states import WorkKind
from pipeline_service.relay.waiting import Waiting
from tests.factories import World, noop


@pytest.fixture
def dispatches() -> list[Dispatch]:
    """Of three nodes that became ready together."""
    world = World(noop("a"), noop("b"), noop("c"))
    world.run()
    return world.ws.dispatches


def repeated(dispatch: Dispatch) -> Dispatch:
    return replace(dispatch, execution=replace(dispatch.execution, dispatch_no=2))


def test_first_come_is_taken_first(dispatches: list[Dispatch]) -> None:
    waiting = Waiting(limit=10)
    waiting.add(dispatches)

    assert waiting.take(2) == dispatches[:2]
    assert waiting.take(2) == dispatches[2:]
    assert len(waiting) == 0


def test_repeat_takes_the_place_of_what_it_repeats(dispatches: list[Dispatch]) -> None:
    first, second, third = dispatches
    waiting = Waiting(limit=10)
    waiting.add(dispatches)
    waiting.add([repeated(second)])

    assert waiting.take(10) == [first, repeated(second), third]


def test_question_to_a_vendor_takes_no_place_of_the_work(dispatches: list[Dispatch]) -> None:
    work = dispatches[0]
    question = replace(work, kind=WorkKind.POLL, poll_no=1)
    waiting = Waiting(limit=10)
    waiting.add([work, question])

    assert waiting.take(10) == [work, question]


def test_what_was_taken_is_not_the_newest_once_its_repeat_waits(dispatches: list[Dispatch]) -> None:
    first, second, third = dispatches
    waiting = Waiting(limit=10)
    waiting.add(dispatches)
    taken = waiting.take(2)
    waiting.add([repeated(first)])

    assert waiting.still_newest(taken) == [second]
    assert waiting.take(10) == [third, repeated(first)]


def test_past_the_limit_the_oldest_are_left_out(dispatches: list[Dispatch]) -> None:
    waiting = Waiting(limit=2)
    waiting.add(dispatches)

    assert waiting.take(10) == dispatches[1:]
