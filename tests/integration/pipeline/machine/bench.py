"""Asks the service, foresees the answer, and looks at every row: what all steps of the machine are made of."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, permutations, product
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine

from pipeline_service.domain.engine.reports import Beat, Complete, Fail, Report, Start, Wake
from pipeline_service.domain.ids import PipelineId
from pipeline_service.store.pool import Pools
from tests.due_times import expire
from tests.factories import a_document, noop
from tests.integration.pipeline.machine.checks import Lineage, check_rows, check_step
from tests.integration.pipeline.machine.model import Attempt, Model
from tests.integration.pipeline.machine.overtime import Overtime, in_time
from tests.integration.pipeline.machine.replicas import Replica, make_replicas
from tests.integration.pipeline.machine.reports import Sender, describe
from tests.integration.pipeline.machine.rows import Rows, empty, read_rows
from tests.integration.pipeline.rig import FILM, MemoryArtifacts

T = TypeVar("T")
Answering = Coroutine[Any, Any, str]
ASSET = "s"
OTHER = PipelineId("other")
"""Another pipeline of the same owner."""
MAX_ROUNDS = 200
LATER = {"initialInterval": 600, "maxInterval": 600}
"""No retry becomes due because a step took long: the rows' clock is the machine's."""
DUE_COLUMNS = {"dispatch": "dispatch_due_at", "lease": "lease_until", "close": "close_due_at"}
CHANGED_NOTHING = frozenset(
    {
        *("LOST", "SUPERSEDED", "DUPLICATE", "CONFLICT", "STALE", "HELD", "PAUSED"),
        *("FailedPrecondition", "NotFound", "KeyOutsidePrefix", "ArtifactMismatch"),
    }
)


@dataclass(kw_only=True)
class World:
    """What outlives an example."""

    loop: asyncio.AbstractEventLoop
    pools: Pools
    owner: "asyncpg.Connection[asyncpg.Record]"
    rules: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a document says of a node."""

    inputs: tuple[str, ...] = ()
    nonce: str = ""


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that is asked of the service, and what the model makes of it."""

    label: str
    ask: Callable[[Replica], Answering]
    foresee: Callable[[Model], str]


TICK = Act(label="timers look", ask=lambda to: to.tick(), foresee=lambda model: model.tick())

WAKE = Act(label="wakes are looked for", ask=lambda to: to.wake(), foresee=lambda _model: "done")


class Bench(RuleBasedStateMachine):
    """One pipeline, two replicas of the service, and any number of workers that are played here."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.model = Model()
        self.lineage = Lineage()
        self.rows = Rows(pipeline={})
        self.document: dict[str, Written] = {}
        self.asset = "text 0"
        self.title = "A film"
        self.imported: dict[str, object] = {}
        self.sent: list[Report] = []
        self.dead: set[UUID] = set()
        """Claims of workers that crashed."""
        self.is_wanted_elsewhere = False
        """Whether the other pipeline was made."""
        self.is_sound = True
        self.story: list[str] = []
        """What was done and answered, to be read when it ends badly."""
        self.artifacts = MemoryArtifacts()
        self.sender = Sender(self.artifacts)
        self.replicas: list[Replica] = self.do(self._open())

    def teardown(self) -> None:
        """An example ends when nothing is active any more, however that comes (L1)."""
        try:
            if self.is_sound and self.imported:
                self._come_to_rest()
        finally:
            if not self.is_sound:
                # Hypothesis says only "flaky" of what depends on the moment, and cannot repeat it.
                print("\n".join(("an example that ended badly:", *self.story)))
            for replica in self.replicas:
                self.do(replica.stop())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self.world.loop.run_until_complete(in_time(work, self.world.pools))
        except Overtime as error:
            self.is_sound = False
            self.story.append(str(error))
            raise

    def count(self, name: str) -> None:
        self.world.rules[name] += 1

    def act(self, act: Act, *, replica: int = 0) -> str:
        """Ask one replica. Answer and rows must be as foreseen."""
        before = self.rows
        expected = act.foresee(self.model)
        found = self.do(act.ask(self.replicas[replica]))
        self.world.answers[found] += 1
        self._note(f"{act.label} -> {found}")
        self.verify(is_true=found == expected, otherwise=f"{act.label} was answered {found}, expected {expected}")
        try:
            self._hold_against(self._read(), self.model)
        except AssertionError as error:
            self.story.append(str(error))
            raise
        if found in CHANGED_NOTHING:
            is_same = self.rows.state_only() == before.state_only()
            self.verify(is_true=is_same, otherwise=f"{act.label} was answered {found} and changed rows")
        return found

    def act_at_once(self, left: Act, right: Act) -> None:
        """Ask two replicas at the same moment. Answers and rows must be those of one order or of the other."""
        answers = self.do(_both(left.ask(self.replicas[0]), right.ask(self.replicas[1])))
        self._explain([(left, answers[0]), (right, answers[1])])

    def let_timers_look(self) -> None:
        """What one of them decides may make another one's execution needless, before or after that is decided."""
        self._explain([(TICK, self.do(TICK.ask(self.replicas[0])))])

    def _explain(self, asked: Sequence[tuple[Act, str]]) -> None:
        """Find the order in which acts were done. Each may have thrown away work that the next one was about."""
        self.world.answers.update(answer for _act, answer in asked)
        self._note(", at once with ".join(f"{act.label} -> {answer}" for act, answer in asked))
        rows = self._read()
        spared = {row["node_uid"] for row in rows.spared(self.rows)}
        displaced = self.model.displaced(rows.executions, spared=spared)
        early = [frozenset(some) for size in range(len(displaced) + 1) for some in combinations(displaced, size)]
        objections: list[str] = []
        for order, hint in product(permutations(asked), early):
            model = self.model.copy()
            model.displaced_early = hint
            try:
                for act, answer in order:
                    expected = act.foresee(model)
                    assert answer == expected, f"{act.label} was answered {answer}, expected {expected}"
                    model.displace()
                self._hold_against(rows, model)
            except AssertionError as error:
                objections.append(str(error))
            else:
                model.displaced_early = frozenset()
                self.model = model
                return
        self.verify(is_true=False, otherwise=f"no order explains {[act.label for act, _answer in asked]}: {objections}")

    def tell(self, report: Report, *, replica: int = 0) -> str:
        """Report to one replica. A result that came too late must have been kept."""
        found = self.act(self.telling(report), replica=replica)
        if found == "SUPERSEDED" and isinstance(report, Complete):
            is_kept = report.output.s3_key in self.rows.artifact_keys
            self.verify(is_true=is_kept, otherwise=f"a result was not salvaged: {report.output.s3_key}")
        return found

    def telling(self, report: Report) -> Act:
        self.sent.append(report)
        return Act(
            label=self.describe(report), ask=lambda to: to.report(report), foresee=lambda model: foresee(model, report)
        )

    def importing(self) -> Act:
        """Make the pipeline equal to the document as it is on the bench now."""
        raw = self.written(FILM)
        meaning: dict[str, object] = {**dict(self._noops()), ASSET: self.asset}
        uids = {node["id"]: uid for uid, node in self.rows.nodes.items()}
        removed = {uids[name] for name in self.imported if name not in meaning}
        changed = {uids[name] for name, was in self.imported.items() if name in meaning and meaning[name] != was}
        self.imported = meaning
        return Act(
            label=f"import {meaning}",
            ask=lambda to: to.import_document(raw),
            foresee=lambda model: model.edit(changed=changed, removed=removed),
        )

    def written(self, pipeline: PipelineId) -> dict[str, Any]:
        """The document as it is on the bench now, of one pipeline or another."""
        nodes = [noop(name, *one.inputs, nonce=one.nonce) | {"retry": LATER} for name, one in self._noops()]
        asset = {"id": ASSET, "type": "asset", "asset": {"type": "text", "content": self.asset}}
        return a_document(asset, *nodes, document_id=pipeline) | {"title": self.title}

    def running(self, targets: int, *, force: bool) -> Act:
        """A run of one node or, for every fourth number, of all leaves."""
        chosen = [pick(sorted(self.imported), targets // 4)] if targets % 4 else []
        return Act(
            label=f"run {chosen or 'all'}{' by force' if force else ''}",
            ask=lambda to: to.run(chosen, force=force),
            foresee=lambda _model: "done",
        )

    def verify(self, *, is_true: bool, otherwise: str) -> None:
        if not is_true:
            self.is_sound = False
            self.story.append(otherwise)
            raise AssertionError(otherwise)

    def expire(self, kind: str, one: Attempt) -> None:
        """Move a due time into the past, where there is one: the tests own the clock of the rows."""
        assert one.id
        moved = self.do(expire(self.world.owner, DUE_COLUMNS[kind], [one.id]))
        self._note(f"{kind} of {self.name_of(one)} is over")
        one.is_dispatch_due |= kind == "dispatch" and one.state == "QUEUED"
        one.is_lease_over |= kind == "lease" and one.state == "RUNNING"
        one.is_close_due |= kind == "close" and one.is_active
        self.rows.executions.update((row["id"], dict(row)) for row in moved)

    def some_active(self, which: int) -> Attempt:
        """One of the active executions; a resume lets one become active where there is none, or a run makes it."""
        if not self._active():
            self.let_all_go_on()
        if not self._active():
            self.end_elsewhere()
        if not self._active():
            self.act(self.running(0, force=True))
        return pick(self._active(), which)

    def some_held(self, which: int) -> Attempt:
        """One of the executions that a living worker has."""
        while True:
            held = [one for one in self._active() if one.holder and one.holder not in self.dead]
            if held:
                return pick(held, which)
            one = self.some_active(which)
            if one.state == "WAITING":
                self.tell(replace(self.sender.completion(one, one.claims[-1]), is_external=True))
                continue
            if one.holder:
                self.expire("lease", one)
            self.start(one)

    def start(self, one: Attempt) -> None:
        """A worker gets it, whatever is held."""
        if self.tell(self.sender.start(one)) == "PAUSED":
            self.let_all_go_on()
            self.tell(self.sender.start(one))

    def let_all_go_on(self) -> None:
        """Resume everything that is held."""
        if self.rows.pipeline.get("paused"):
            self.act(self.controlling("resume_pipeline"))
        for node in self.rows.nodes.values():
            if node["paused"]:
                self.act(self.controlling("resume_node", node["id"]))
        for run in self.rows.runs.values():
            if run["state"] == "PAUSED":
                self.act(self.controlling("resume_run", run["id"]))

    def end_elsewhere(self) -> None:
        """End all that the other pipeline does: who waits for it does it here."""
        if self.is_wanted_elsewhere:
            cancelling = Act(
                label="cancel_pipeline elsewhere",
                ask=lambda to: to.control("cancel_pipeline", pipeline=OTHER),
                foresee=lambda _model: "done",
            )
            self.act(cancelling)
            self.act(WAKE)

    def controlling(self, verb: str, *of: object, ends: Sequence[UUID] = (), answer: str = "done") -> Act:
        """Something a user says about work under way. `ends` are the executions that it must cancel."""
        return Act(
            label=f"{verb} {' '.join(map(str, of))}",
            ask=lambda to: to.control(verb, *of),
            foresee=lambda model: answer if model.cancel(set(ends)) else "",
        )

    def some_succeeded(self, which: int) -> Attempt:
        """One of the executions with a result, of a node that is still there."""
        while True:
            ended = [one for one in self.model.attempts if one.result and one.node_uid not in self.model.removed]
            if ended:
                return pick(ended[::-1], which)
            one = self.some_held(which)
            self.tell(self.sender.completion(one, one.holder))

    def name_of(self, one: Attempt) -> str:
        return f"{one.node_id}/{one.attempt}"

    def describe(self, report: Report) -> str:
        """A report as one reads it in a failing example."""
        of = "" if isinstance(report, Wake) else self.name_of(self.model.get(report.execution_id))
        return describe(report, of)

    async def _open(self) -> list[Replica]:
        await empty(self.world.owner)
        return make_replicas(self.world.pools, self.artifacts, count=2)

    def _note(self, line: str) -> None:
        self.story.append(f"    {line}")
        note(f"    {line}")

    def _read(self) -> Rows:
        return self.do(read_rows(self.world.owner, FILM, known=self.rows))

    def _hold_against(self, rows: Rows, model: Model) -> None:
        """Every row, against model and invariants."""
        self.is_sound = False
        # What no run wants any more is not worth a hurry: the timer will find it.
        hurried = {one for one in model.held if one in self.rows.held_by_name() or rows.wanting(one)}
        model.let_go(held=rows.held(), hurried=hurried)
        spared = rows.spared(self.rows)
        model.adopt(rows.executions, spared={row["node_uid"] for row in spared})
        model.check(rows.executions)
        model.touched = set()
        check_rows(rows)
        check_step(self.rows, rows, self.lineage)
        self.rows, self.is_sound = rows, True
        self.world.answers.update(answer for row in spared for answer in rows.ways_to_share(row))

    def _noops(self) -> list[tuple[str, Written]]:
        return sorted(self.document.items())

    def _active(self) -> list[Attempt]:
        return [one for one in self.model.attempts if one.is_active]

    def _come_to_rest(self) -> None:
        """End whatever is active in one way or another, and see every run end."""
        self.let_all_go_on()
        self.end_elsewhere()
        for number in range(MAX_ROUNDS):
            self.act(WAKE)
            if not self._active():
                break
            one = pick(self._active(), number)
            if not one.claims:
                self.start(one)
            elif number % 4 == 0:
                self.expire("close", one)
                self.let_timers_look()
            elif number % 4 == 1:
                self.tell(replace(self.sender.failure(one, one.claims[-1], "ffmpeg_error"), is_external=True))
            else:
                self.tell(replace(self.sender.completion(one, one.claims[-1]), is_external=True))
        assert not self._active(), f"still active after {MAX_ROUNDS} rounds: {self._active()}"
        stuck = [run for run in self.rows.runs.values() if run["state"] == "ACTIVE"]
        assert not stuck, f"nothing is active any more, and these runs have not ended: {stuck}"


def pick(items: Sequence[T], number: int) -> T:
    return items[number % len(items)]


def foresee(model: Model, report: Report) -> str:
    """What the model says to a report."""
    match report:
        case Start():
            return model.start(report)
        case Beat():
            return model.beat(report)
        case Complete():
            return model.complete(report)
        case Fail():
            return model.fail(report)
        case _:
            return "SUPERSEDED"


async def _both(left: Answering, right: Answering) -> list[str]:
    return list(await asyncio.gather(left, right))
