"""Any order of edits over the API is answered as a model foresees, and every step keeps the invariants of the rows."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from devstack.stack import Stack
from tests.conftest import Statistics
from tests.integration.api.fuzzing.stage import looking
from tests.integration.api.here import QUIET, serving
from tests.integration.api.machine.lists import Lists
from tests.integration.api.machine.world import World, connect

COMMON = settings(
    deadline=None,
    database=None,
    print_blob=True,
    stateful_step_count=10,
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.too_slow,),
)
AT_ONCE = QUIET | {"PIPELINE_DISPATCH_WINDOWS": "noop=1000000"}
"""No row changes behind a step: what waits for room in its task queue would be handed out at some later moment."""
REFUSALS = (
    "PIPELINE_NOT_FOUND",
    "NODE_NOT_FOUND",
    "PIPELINE_EXISTS",
    "NODE_EXISTS",
    "INVALID_DOCUMENT",
    "ABORTED",
    "FAILED_PRECONDITION",
    "INVALID_FILTER",
    "INVALID_ORDER_BY",
    "INVALID_PAGE_TOKEN",
)


class ApiMachine(Lists):
    """All that can be asked of pipelines and nodes: edits, and lists of what they made."""


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    with serving(stack, AT_ONCE) as service, service.channel("client-dev") as channel, ThreadPoolExecutor(2) as threads:
        database = service.thread.do(connect(service))
        look = service.thread.do(looking(database))
        try:
            yield World(service=service, channel=channel, threads=threads, database=database, look=look)
        finally:
            service.thread.do(database.close())


def machine_in(world: World) -> type[ApiMachine]:
    """Hypothesis makes a machine for each example, and gives it nothing."""

    class MachineInWorld(ApiMachine):
        def __init__(self) -> None:
            super().__init__(world)

    return MachineInWorld


@pytest.mark.timeout(600)
def test_every_answer_of_500_examples_is_the_one_foreseen(world: World, statistics: Statistics) -> None:
    run_state_machine_as_test(machine_in(world), settings=settings(COMMON, max_examples=500, derandomize=True))

    statistics("calls", world.rules)
    statistics("answers", world.answers)
    said = Counter(answer.partition(": ")[2] for answer in world.answers.elements())
    assert all(said[reason] for reason in ("OK", *REFUSALS)), said
    assert world.answers["RunPipeline: FAILED_PRECONDITION"] >= 20, world.answers
    assert all(times >= 20 for times in world.rules.values()), world.rules
    assert world.rules["list_while_it_is_edited"] >= 20, world.rules


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_answer_of_5000_examples_is_the_one_foreseen(world: World, statistics: Statistics) -> None:
    number = random.SystemRandom().getrandbits(32)
    print(f"seed {number}")

    run_state_machine_as_test(seed(number)(machine_in(world)), settings=settings(COMMON, max_examples=5000))

    statistics("calls", world.rules)
    statistics("answers", world.answers)
