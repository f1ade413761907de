"""What users say about work under way: hold, let go on, cancel, try again."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.integration.pipeline.machine.bench import Act, Bench, pick
from tests.integration.pipeline.machine.rows import ACTIVE, Row
from tests.integration.pipeline.machine.users import MAX_RUNS, PICKS

OPEN_RUN = ("ACTIVE", "PAUSED")


class Operators(Bench):
    """Each of them at any time, also when there is nothing to say it about."""

    @rule(which=PICKS, is_resumed=st.booleans())
    def pause_run(self, which: int, is_resumed: bool) -> None:
        self.count("pause_run")
        run = self._some_run(which)
        if run is not None:
            self._of_run("resume_run" if is_resumed else "pause_run", run)

    @rule(is_resumed=st.booleans())
    def pause_pipeline(self, is_resumed: bool) -> None:
        self.count("pause_pipeline")
        self.act(self.controlling("resume_pipeline" if is_resumed else "pause_pipeline"))

    @rule(which=PICKS, is_resumed=st.booleans())
    def pause_node(self, which: int, is_resumed: bool) -> None:
        self.count("pause_node")
        name = pick(sorted(self.imported), which)
        self.act(self.controlling("resume_node" if is_resumed else "pause_node", name))

    @rule()
    def all_goes_on(self) -> None:
        """So that what was held is not held for the rest of the example."""
        self.count("all_goes_on")
        self.let_all_go_on()

    @rule(which=PICKS)
    def claim_what_is_held(self, which: int) -> None:
        """With the newest message, which was out before the hold."""
        self.count("claim_what_is_held")
        one = self.some_active(which)
        self.act(self.controlling("pause_node", one.node_id))
        self.tell(self.sender.start(one))

    @rule(which=PICKS)
    def cancel_run(self, which: int) -> None:
        self.count("cancel_run")
        run = self._some_run(which)
        if run is not None:
            self._of_run("cancel_run", run, ends=self._wanted_only_by(run["id"]))

    @rule(which=PICKS)
    def cancel_node(self, which: int) -> None:
        """Of a node that works, or of one that does not."""
        self.count("cancel_node")
        name = self.some_active(which).node_id if which % 4 else pick(sorted(self.imported), which)
        active = [row["id"] for row in self._active_rows() if row["work"]["nodeId"] == name]
        answer = "done" if active else "FailedPrecondition"
        self.act(self.controlling("cancel_node", name, ends=active, answer=answer))

    @rule()
    def cancel_pipeline(self) -> None:
        self.count("cancel_pipeline")
        self.act(self.controlling("cancel_pipeline", ends=[row["id"] for row in self._active_rows()]))

    @rule(which=PICKS)
    def retry_node(self, which: int) -> None:
        """Of a node that failed, where there is one; a run of it follows."""
        self.count("retry_node")
        if not self._failed() and which % 4:
            one = self.some_held(which)
            self.tell(self.sender.failure(one, one.holder, "ffmpeg_error"))
        # None even so, when another run that wants the node over newer inputs has begun it at once.
        failed = self._failed()
        name = pick(failed or sorted(self.imported), which)
        is_full = sum(run["state"] in OPEN_RUN for run in self.rows.runs.values()) >= MAX_RUNS
        if not is_full or not failed:
            self.act(self.controlling("retry_node", name, answer="done" if failed else "FailedPrecondition"))

    def _of_run(self, verb: str, run: Row, *, ends: list[UUID] | None = None) -> None:
        is_open = run["state"] in OPEN_RUN
        answer = "done" if is_open else "FailedPrecondition"
        act: Act = self.controlling(verb, run["id"], ends=ends or [], answer=answer)
        self.act(act)

    def _some_run(self, which: int) -> Row | None:
        """An open one, as a rule."""
        runs = list(self.rows.runs.values())
        still_open = [run for run in runs if run["state"] in OPEN_RUN]
        chosen = still_open if still_open and which % 8 else runs
        return pick(chosen, which) if chosen else None

    def _failed(self) -> list[str]:
        return sorted(row["id"] for row in self.rows.nodes.values() if row["status"] == "failed")

    def _active_rows(self) -> list[Row]:
        return [row for row in self.rows.executions.values() if row["state"] in ACTIVE]

    def _wanted_only_by(self, run_id: UUID) -> list[UUID]:
        wanting = {row["id"]: {run["id"] for run in self.rows.wanting(row["id"])} for row in self._active_rows()}
        return [execution_id for execution_id, runs in wanting.items() if runs == {run_id}]
