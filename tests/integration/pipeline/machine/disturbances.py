"""What time, crashes and concurrency do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import asyncpg
from hypothesis import strategies as st
from hypothesis.stateful import rule

from pipeline_service.domain.engine.reports import CloseDue, DispatchDue, LeaseOver, Report
from pipeline_service.domain.ids import ExecutionId
from tests.integration.pipeline.machine.bench import DUE_COLUMNS, TICK, WAKE, Act, Bench, foresee, pick
from tests.integration.pipeline.machine.reports import MANIFESTS
from tests.integration.pipeline.machine.users import NONCES, PICKS
from tests.integration.pipeline.machine.workers import DIGITS

KINDS = st.sampled_from(sorted(DUE_COLUMNS))
TIMERS: dict[str, Callable[..., Report]] = {"dispatch": DispatchDue, "lease": LeaseOver, "close": CloseDue}
SECOND_ACTIVE = """
INSERT INTO executions SELECT (jsonb_populate_record(e, jsonb_build_object('id', $2::text))).*
FROM executions AS e WHERE id = $1
"""


class Disturbances(Bench):
    """The rows' clock is the machine's: what is due is moved into the past."""

    @rule(which=PICKS, kind=KINDS)
    def time_passes(self, which: int, kind: str) -> None:
        """Something is due, and no timer looks yet."""
        self.count("time_passes")
        self.expire(kind, self.some_active(which))

    @rule()
    def timers_look(self) -> None:
        self.count("timers_look")
        self.let_timers_look()

    @rule()
    def wakes_are_looked_for(self) -> None:
        self.count("wakes_are_looked_for")
        self.act(WAKE)

    @rule(which=PICKS, kind=KINDS)
    def two_timers_look(self, which: int, kind: str) -> None:
        """Two replicas see the same and report it at once."""
        self.count("two_timers_look")
        self.let_all_go_on()
        self.expire(kind, self.some_active(which))
        self.act_at_once(TICK, TICK)

    @rule(which=PICKS)
    def dispatch_is_due(self, which: int) -> None:
        self.count("dispatch_is_due")
        one = self.some_held(which)
        self.tell(replace(self.sender.beat(one, one.holder), requeue_after=timedelta(hours=1)))
        self.expire("dispatch", one)
        self.let_timers_look()

    @rule(which=PICKS)
    def lease_is_over(self, which: int) -> None:
        self.count("lease_is_over")
        self.expire("lease", self.some_held(which))
        self.let_timers_look()

    @rule(which=PICKS, claim=PICKS, found=st.sampled_from(MANIFESTS))
    def deadline_is_over(self, which: int, claim: int, found: str) -> None:
        """What lies beside the outputs of its claims decides."""
        self.count("deadline_is_over")
        one = self.some_held(which)
        by = pick(one.claims, claim)
        worth = self.sender.lay_manifest(one, by, found)
        if worth is not None:
            self.model.manifests[by] = worth
        self.expire("close", one)
        self.let_timers_look()

    @rule(which=PICKS, kind=KINDS, is_due=st.booleans())
    def late_timer(self, which: int, kind: str, is_due: bool) -> None:
        """A timer that saw another due time reports, also when the execution is due again by now."""
        self.count("late_timer")
        one = self.some_active(which) if kind == "dispatch" else self.some_held(which)
        if is_due:
            self.expire(kind, one)
        assert one.id
        seen = self.rows.executions[one.id]["create_time"] - timedelta(hours=1)
        report = TIMERS[kind](execution_id=ExecutionId(one.id), due=seen)
        self.act(
            Act(
                label=f"late: {self.describe(report)}",
                ask=lambda to: to.report_unseen(report, one.pipeline_uid),
                foresee=lambda _model: "SUPERSEDED",
            )
        )

    @rule(which=PICKS, verb=DIGITS, content=DIGITS)
    def service_crashes(self, which: int, verb: int, content: int) -> None:
        """Between a commit and its answer; whoever waited for that tells the same again."""
        self.count("service_crashes")
        one = self.some_held(which)
        report = self.sender.anything(one, one.holder, verb=verb, content=content)
        self.act(
            Act(
                label=f"crash after: {self.describe(report)}",
                ask=lambda to: to.report_and_die(report),
                foresee=lambda model: "died" if foresee(model, report) else "",
            )
        )
        self.tell(report)

    @rule(which=PICKS, other=PICKS, verb=DIGITS, other_verb=DIGITS)
    def reports_at_once(self, which: int, other: int, verb: int, other_verb: int) -> None:
        """Two replicas, often about the same execution."""
        self.count("reports_at_once")
        self.let_all_go_on()
        one = self.some_held(which)
        two = self.some_active(other) if other % 2 else one
        by = two.holder if two.holder and other % 4 else self.sender.new_claim()
        self.act_at_once(
            self.telling(self.sender.anything(one, one.holder, verb=verb, content=which % 10)),
            self.telling(self.sender.anything(two, by, verb=other_verb, content=other % 10)),
        )

    @rule(which=PICKS, verb=DIGITS, node=PICKS, nonce=st.sampled_from(NONCES))
    def report_and_edit_at_once(self, which: int, verb: int, node: int, nonce: str) -> None:
        self.count("report_and_edit_at_once")
        self.let_all_go_on()
        one = self.some_held(which)
        report = self.telling(self.sender.anything(one, one.holder, verb=verb, content=which % 10))
        name = pick(sorted(self.document), node)
        self.document[name] = replace(self.document[name], nonce=nonce)
        self.act_at_once(report, self.importing())

    @rule(which=PICKS, verb=DIGITS, wanted=PICKS, force=st.booleans())
    def report_and_run_at_once(self, which: int, verb: int, wanted: int, force: bool) -> None:
        self.count("report_and_run_at_once")
        self.let_all_go_on()
        one = self.some_held(which)
        report = self.telling(self.sender.anything(one, one.holder, verb=verb, content=which % 10))
        self.act_at_once(report, self.running(wanted, force=force))

    @rule(which=PICKS)
    def intruder(self, which: int) -> None:
        """Somebody without the lock wants a second active execution of a node: the database itself refuses."""
        self.count("intruder")
        one = self.some_active(which)
        try:
            self.do(self.world.pools.engine.execute(SECOND_ACTIVE, one.id, str(self.sender.new_claim())))
        except asyncpg.UniqueViolationError as error:
            self.verify(is_true=error.constraint_name == "executions_one_active", otherwise=str(error))
        else:
            self.verify(is_true=False, otherwise="the database took a second active execution of a node")
