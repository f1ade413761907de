"""Another pipeline of the same owner, and the work that it wants: what is written here, under another name."""

from pipeline_service.domain.engine.reports import ExecutionReport
from tests.integration.pipeline.machine.bench import OTHER, Act, Bench, pick
from tests.integration.pipeline.machine.model import Attempt
from tests.integration.pipeline.machine.rows import ACTIVE

OPEN_RUNS = """
SELECT count(*) FROM runs AS r JOIN pipelines AS p ON p.uid = r.pipeline_uid WHERE p.id = $1 AND r.state = 'ACTIVE'
"""


class Neighbour(Bench):
    """The model knows nothing of it: of its own pipeline all must be as it says, whatever the other one does."""

    def want_elsewhere(self, *, force: bool) -> None:
        """Import and run there what is written here; while a run is on, only import it."""
        self.act(self.importing_elsewhere(), replica=1)
        if not self.is_busy_elsewhere():
            self.act(self.running_elsewhere(force=force), replica=1)

    def complete_elsewhere(self, which: int, *, content: int) -> None:
        """A result of something that is done there, if anything is."""
        if active := self.active_elsewhere():
            one = pick(active, which)
            report = self.sender.completion(one, self.sender.new_claim(), content=content)
            self.act(self.reporting_elsewhere(f"complete {one.node_id}", report), replica=which % 2)

    def want_something_elsewhere(self) -> None:
        """Where nothing is done there; it may be that all of it is done here."""
        if not self.active_elsewhere():
            self.want_elsewhere(force=True)

    def importing_elsewhere(self) -> Act:
        raw = self.written(OTHER)
        self.is_wanted_elsewhere = True
        return Act(
            label="import the same elsewhere", ask=lambda to: to.import_document(raw), foresee=lambda _model: "done"
        )

    def running_elsewhere(self, *, force: bool) -> Act:
        return Act(
            label=f"run elsewhere{' by force' if force else ''}",
            ask=lambda to: to.run((), force=force, pipeline=OTHER),
            foresee=lambda _model: "done",
        )

    def drafting(self, *, force: bool) -> Act:
        """In a pipeline beside this one, of which nothing may be seen here."""
        return Act(
            label=f"draft{' by force' if force else ''}",
            ask=lambda to: to.run((), force=force, draft=True),
            foresee=lambda _model: "done",
        )

    def reporting_elsewhere(self, label: str, report: ExecutionReport) -> Act:
        """Nobody has claimed that work before: its first report claims it."""
        return Act(label=f"{label} elsewhere", ask=lambda to: to.report(report), foresee=lambda _model: "APPLIED")

    def is_busy_elsewhere(self) -> bool:
        return bool(self.do(self.world.owner.fetchval(OPEN_RUNS, OTHER)))

    def active_elsewhere(self) -> list[Attempt]:
        rows = [row for row in self.rows.makers.values() if row["pipeline_uid"] != self.rows.pipeline["uid"]]
        return [
            Attempt(
                id=row["id"],
                pipeline_uid=row["pipeline_uid"],
                node_uid=row["node_uid"],
                node_id=row["work"]["nodeId"],
                attempt=row["attempt"],
                first_attempt=row["first_attempt"],
                dispatch_no=row["dispatch_no"],
            )
            for row in sorted(rows, key=lambda row: row["id"])
            if row["state"] in ACTIVE
        ]
