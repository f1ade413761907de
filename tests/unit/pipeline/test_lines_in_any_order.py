"""Whatever happens in whatever order: places are counted right, no line is passed, and nobody stays in it."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline_service.domain.engine.pausing import pause_node, pause_pipeline, resume_node, resume_pipeline
from pipeline_service.domain.engine.reports import DispatchDue, Fail, LeaseOver, RoomFound
from pipeline_service.domain.ids import Owner, TaskQueue
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import ExecutionState, NodeState, QueuePlace
from pipeline_service.domain.values import Failure
from tests.factories import ACTOR, OWNER, World, a_beat, a_completion, noop, some_rules

NOOP = TaskQueue("noop")
NODES = ("a", "b", "c", "d", "e", "f")
GRAPH = (*(noop(node) for node in NODES[:4]), noop("e", "a", "b"), noop("f", "e"))
PICKS = st.integers(0, 2**16)


class Lines(RuleBasedStateMachine):
    """One pipeline and its queue."""

    def __init__(self) -> None:
        super().__init__()
        self.window = 2
        self.world = World(*GRAPH, rules=some_rules(room=self._room))
        self.world.run()

    def _room(self, _queue: TaskQueue, _owner: Owner) -> int:
        """Before anything was taken: the world's one working set counts from its beginning."""
        return 0 if self.some(lambda one: one.is_in_line) else self.window

    def some(self, condition: Callable[[Execution], bool]) -> list[Execution]:
        return [one for one in self.world.ws.executions.values() if one.state.is_active and condition(one)]

    @rule(window=st.integers(1, 4))
    def window_changes(self, window: int) -> None:
        self.window = window

    @rule(which=PICKS)
    def room_is_found(self, which: int) -> None:
        in_line = self.some(lambda one: one.is_in_line)
        if in_line and self.world.ws.places_taken[NOOP, OWNER] < self.window:
            self._find_room(in_line[which % len(in_line)])

    @rule(which=PICKS)
    def worker_completes(self, which: int) -> None:
        out = self._out()
        if out:
            self.world.complete(out[which % len(out)].work.node_id)

    @rule(which=PICKS)
    def worker_fails(self, which: int) -> None:
        running = self._running()
        if running:
            one = running[which % len(running)]
            assert one.claim is not None
            failure = Failure(error_type="timeout", message="it broke")
            self.world.report(Fail(execution_id=one.id, claim=one.claim, failure=failure, actor="worker"))

    @rule(which=PICKS)
    def worker_claims(self, which: int) -> None:
        out = self._out()
        if out:
            self.world.claim(out[which % len(out)].work.node_id)

    @rule(which=PICKS, later=st.booleans())
    def worker_gives_back(self, which: int, later: bool) -> None:
        running = self._running()
        if running:
            one = running[which % len(running)]
            assert one.claim is not None
            after = timedelta(seconds=30 if later else 0)
            self.world.report(a_beat(one.id, one.claim, requeue_after=after))

    @rule(which=PICKS)
    def worker_goes_silent(self, which: int) -> None:
        running = self._running()
        if running:
            one = running[which % len(running)]
            assert one.lease_until is not None
            self.world.ws.now = max(self.world.ws.now, one.lease_until)
            self.world.report(LeaseOver(execution_id=one.id, due=one.lease_until))

    @rule(which=PICKS)
    def dispatch_is_due(self, which: int) -> None:
        queued = self.some(lambda one: one.state is ExecutionState.QUEUED)
        if queued:
            self._dispatch_due(queued[which % len(queued)])

    @rule(which=PICKS, is_resumed=st.booleans())
    def node_is_paused(self, which: int, is_resumed: bool) -> None:
        node = self.world.node(NODES[which % len(NODES)])
        if is_resumed:
            resume_node(self.world.ws, node, rules=self.world.rules, actor=ACTOR)
        else:
            pause_node(self.world.ws, node, actor=ACTOR)
        self.world.settle()

    @rule(is_resumed=st.booleans())
    def pipeline_is_paused(self, is_resumed: bool) -> None:
        if is_resumed:
            resume_pipeline(self.world.ws, self.world.uid, rules=self.world.rules, actor=ACTOR)
        else:
            pause_pipeline(self.world.ws, self.world.uid, actor=ACTOR)
        self.world.settle()

    @invariant()
    def places_are_counted(self) -> None:
        taken = len([one for one in self.world.ws.executions.values() if one.takes_place])
        assert self.world.ws.places_taken[NOOP, OWNER] == taken

    @invariant()
    def what_is_queued_is_due_some_time(self) -> None:
        for one in self.some(lambda _one: True):
            assert (one.dispatch_due_at is not None) == (one.state is ExecutionState.QUEUED), one

    @invariant()
    def what_was_published_last_is_out(self) -> None:
        for one in self.some(lambda one: one.state is ExecutionState.QUEUED):
            if one.queue_place is QueuePlace.OUT:
                assert one.dispatch_no >= 1, one

    def teardown(self) -> None:
        """When nothing is held and there is room, everything ends."""
        self.window = 100
        resume_pipeline(self.world.ws, self.world.uid, rules=self.world.rules, actor=ACTOR)
        for node in NODES:
            resume_node(self.world.ws, self.world.node(node), rules=self.world.rules, actor=ACTOR)
        self.world.settle()
        for _ in range(100):
            for one in self.some(lambda one: one.is_in_line):
                self._find_room(one)
            for one in self.some(lambda one: one.queue_place is QueuePlace.BACKING_OFF):
                self._dispatch_due(one)
            for one in self._running():
                assert one.claim is not None
                self.world.report(a_completion(one, one.claim))
            for one in self._out():
                self.world.complete(one.work.node_id)
        assert not self.some(lambda _one: True)
        assert {node.state for node in self.world.ws.nodes.values()} <= {
            NodeState.COMPLETED,
            NodeState.FAILED,
            NodeState.PENDING,
        }

    def _out(self) -> list[Execution]:
        """What a worker may take: published, and not held."""
        ws = self.world.ws
        return self.some(
            lambda one: (
                one.takes_place
                and one.state is ExecutionState.QUEUED
                and one.pipeline_uid not in ws.paused
                and not ws.nodes[one.node_uid].paused
            )
        )

    def _running(self) -> list[Execution]:
        return self.some(lambda one: one.state is ExecutionState.RUNNING)

    def _find_room(self, one: Execution) -> None:
        assert one.dispatch_due_at is not None
        self.world.report(RoomFound(execution_id=one.id, due=one.dispatch_due_at))

    def _dispatch_due(self, one: Execution) -> None:
        assert one.dispatch_due_at is not None
        self.world.ws.now = max(self.world.ws.now, one.dispatch_due_at)
        self.world.report(DispatchDue(execution_id=one.id, due=one.dispatch_due_at))


TestLines = Lines.TestCase
TestLines.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, database=None)
