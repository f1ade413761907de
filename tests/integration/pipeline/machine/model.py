"""A second opinion on executions: the table of dispositions once more, in the plainest words, without the engine.

It knows executions from the answers that were given, never from their rows; after each step both must agree.
"""

from dataclasses import dataclass, field, replace
from uuid import UUID

from pipeline_service.domain.engine.reports import Beat, Complete, Fail, Start
from tests.integration.pipeline.machine.rows import ACTIVE, Row

RETRIED = ("rate_limited", "provider_unavailable", "timeout", "lambda_error", "internal")
MAX_TRIES = 3
MAX_LOST_LEASES = 3
Result = tuple[str, int, str]


@dataclass(kw_only=True)
class Attempt:
    """What is known of an execution."""

    id: UUID | None
    """None for an attempt that must have been made, and whose id is not known yet."""
    pipeline_uid: UUID
    node_uid: UUID
    node_id: str
    attempt: int
    first_attempt: int
    dispatch_no: int
    state: str = "QUEUED"
    holder: UUID | None = None
    claims: list[UUID] = field(default_factory=list)
    """Every claim that was answered CLAIMED, oldest first."""
    is_unanswered: bool = False
    """Its work was to go out since the last claim, whether it did or a hold kept it."""
    is_dispatch_due: bool = False
    is_lease_over: bool = False
    is_close_due: bool = False
    lost_leases: int = 0
    result: Result | None = None
    result_claim: UUID | None = None
    error_type: str = ""

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    def facts(self) -> dict[str, object]:
        """What its row must say."""
        return {
            "node_uid": self.node_uid,
            "attempt": self.attempt,
            "first_attempt": self.first_attempt,
            "dispatch_no": self.dispatch_no,
            "state": self.state,
            "claim": self.holder,
            "last_claim": self.claims[-1] if self.claims else None,
            "lost_leases": self.lost_leases,
            "result": self.result,
            "result_claim": self.result_claim,
            "error_type": self.error_type,
        }


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What lies beside the output of a claim, as far as it counts: a result, a failure, or nothing of use."""

    result: Result | None = None
    error_type: str = ""


class Model:
    """Every execution of a pipeline."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.removed: set[UUID] = set()
        self.manifests: dict[UUID, Manifest] = {}
        """By claim."""
        self.touched: set[UUID] = set()
        """Nodes that the edits of this step changed or removed."""
        self.held: frozenset[UUID] = frozenset()
        """Executions that were held when this step began."""
        self.displaced_early: frozenset[UUID] = frozenset()
        """Executions that must have been cancelled for other work in the middle of this step."""

    def copy(self) -> "Model":
        """Another model that knows the same."""
        other = Model()
        other.attempts = [replace(one, claims=list(one.claims)) for one in self.attempts]
        other.held = self.held
        other.removed, other.touched, other.manifests = set(self.removed), set(self.touched), self.manifests
        return other

    def get(self, execution_id: UUID) -> Attempt:
        return next(one for one in self.attempts if one.id == execution_id)

    def start(self, report: Start) -> str:
        one = self.get(report.execution_id)
        if one.state not in ("QUEUED", "RUNNING"):
            return "STALE"
        if one.holder != report.claim:
            if report.dispatch_no < one.dispatch_no:
                return "STALE"
            if one.holder and not one.is_lease_over:
                return "HELD"
            if one.id in self.held:
                return "PAUSED"
            one.claims.append(report.claim)
            # A claim counts the time to close anew from when the execution was first started.
            one.is_close_due = False
        one.state, one.holder = "RUNNING", report.claim
        one.is_lease_over = one.is_dispatch_due = one.is_unanswered = False
        return "CLAIMED"

    def beat(self, report: Beat) -> str:
        one = self.get(report.execution_id)
        if not one.is_active:
            return "SUPERSEDED"
        if one.holder != report.claim:
            return "LOST"
        one.is_lease_over = False
        if report.waiting_for:
            one.state, one.holder = "WAITING", None
        elif report.requeue_after is not None:
            one.state, one.holder = "QUEUED", None
            if not report.requeue_after:
                self._send(one)
        return "APPLIED"

    def complete(self, report: Complete) -> str:
        one = self.get(report.execution_id)
        result = (report.output.s3_key, report.output.size_bytes, report.output.sha256)
        if one.state == "SUCCEEDED" and one.result:
            if result[:2] == one.result[:2] and (not result[2] or not one.result[2] or result[2] == one.result[2]):
                return "DUPLICATE"
            return "CONFLICT" if report.claim == one.result_claim else "SUPERSEDED"
        if not one.is_active:
            return "SUPERSEDED"
        if not self._is_heard(one, report):
            return "LOST"
        self._end(one, "SUCCEEDED")
        one.result, one.result_claim = result, report.claim
        return "APPLIED"

    def fail(self, report: Fail) -> str:
        one = self.get(report.execution_id)
        error_type = report.failure.error_type
        if not one.is_active:
            return "DUPLICATE" if one.state == "FAILED" and one.error_type == error_type else "SUPERSEDED"
        if not self._is_heard(one, report):
            return "LOST"
        self._give_up(one, "FAILED", error_type)
        return "APPLIED"

    def tick(self) -> str:
        """Everything that is due now is done; deadlines are decided last, after a look at the store."""
        for one in list(self.attempts):
            if one.state == "QUEUED" and one.is_dispatch_due:
                self._send(one)
            if one.state == "RUNNING" and one.is_lease_over:
                self._lose_lease(one)
        self.displace()
        for one in list(self.attempts):
            if one.is_active and one.is_close_due:
                self._close(one)
        return "done"

    def displace(self) -> None:
        """Work that was seen to be thrown away in this step is thrown away now, if it was not before."""
        for one in self.attempts:
            if one.id in self.displaced_early and one.is_active:
                self._end(one, "CANCELLED")

    def displaced(self, executions: dict[UUID, Row], *, spared: set[UUID]) -> list[UUID]:
        """Executions that rows show as cancelled for a later attempt, or of a node that was spared one."""
        latest: dict[UUID, int] = {}
        for row in executions.values():
            latest[row["node_uid"]] = max(row["attempt"], latest.get(row["node_uid"], 0))
        active = [executions[one.id] for one in self.attempts if one.id and one.is_active]
        cancelled = [row for row in active if row["state"] == "CANCELLED"]
        return [row["id"] for row in cancelled if row["attempt"] < latest[row["node_uid"]] or row["node_uid"] in spared]

    def edit(self, *, changed: set[UUID], removed: set[UUID]) -> str:
        """What an import does to executions."""
        self.touched |= changed | removed
        self.removed |= removed
        for one in self.attempts:
            if one.node_uid in self.touched and one.is_active:
                self._end(one, "CANCELLED")
        return "done"

    def cancel(self, executions: set[UUID]) -> str:
        """What a user does to executions that nobody else wants."""
        for one in self.attempts:
            if one.id in executions and one.is_active:
                self._end(one, "CANCELLED")
        return "done"

    def let_go(self, *, held: frozenset[UUID], hurried: set[UUID]) -> None:
        """What was kept back goes out as soon as its hold is gone; the clock of what nobody began starts anew."""
        for one in self.attempts:
            if one.state == "QUEUED" and one.id in (self.held - held) & hurried:
                one.is_close_due = one.is_close_due and bool(one.claims)
                if one.is_unanswered:
                    one.dispatch_no += 1
                    one.is_dispatch_due = False
        self.held = held

    def adopt(self, executions: dict[UUID, Row], *, spared: set[UUID]) -> None:
        """Learn the ids of new executions. Retries must be as foreseen; others are fresh ones of free nodes.

        `spared` are nodes that a run was served in this step without an execution of theirs. One that was active, be it
        a retry of this step, did other work that nobody wants any more.
        """
        for one in self.attempts:
            if one.node_uid in spared and one.is_active:
                self._end(one, "CANCELLED")
        for row in sorted(executions.values(), key=lambda row: row["attempt"]):
            if any(one.id == row["id"] for one in self.attempts):
                continue
            awaited = [one for one in self.attempts if one.id is None and one.node_uid == row["node_uid"]]
            if awaited:
                assert awaited[0].attempt == row["attempt"], "an execution that is not the awaited retry"
                awaited[0].id = row["id"]
                continue
            for one in self.attempts:
                # A fresh execution while another was active: that one did work that nobody wants any more.
                if one.node_uid == row["node_uid"] and one.is_active:
                    self._end(one, "CANCELLED")
            was_cancelled = row["state"] == "CANCELLED" and row["node_uid"] in self.touched
            fresh = Attempt(
                id=row["id"],
                pipeline_uid=row["pipeline_uid"],
                node_uid=row["node_uid"],
                node_id=row["work"]["nodeId"],
                attempt=1 + sum(one.node_uid == row["node_uid"] for one in self.attempts),
                first_attempt=1 + sum(one.node_uid == row["node_uid"] for one in self.attempts),
                dispatch_no=1,
                is_unanswered=True,
                state="CANCELLED" if was_cancelled else "QUEUED",
            )
            self.attempts.append(fresh)
        self.attempts.sort(key=lambda one: (one.node_id, one.attempt))

    def check(self, executions: dict[UUID, Row]) -> None:
        """Rows and second opinion agree."""
        assert all(one.id for one in self.attempts), f"a retry was not made: {self.attempts}"
        for one in self.attempts:
            assert one.id
            found = _facts(executions[one.id])
            assert found == one.facts(), f"{one.node_id} attempt {one.attempt}: found {found}, expected {one.facts()}"

    def _is_heard(self, one: Attempt, report: Complete | Fail) -> bool:
        if report.is_external and isinstance(report, Complete):
            return True
        if report.is_external and report.claim in one.claims[-1:]:
            return True
        is_unclaimed = one.state == "QUEUED" and not one.claims and not report.is_external
        return is_unclaimed or one.holder == report.claim

    def _lose_lease(self, one: Attempt) -> None:
        one.lost_leases += 1
        if one.lost_leases == MAX_LOST_LEASES:
            self._give_up(one, "FAILED", "internal")
            return
        one.state, one.holder, one.is_lease_over = "QUEUED", None, False
        self._send(one)

    def _send(self, one: Attempt) -> None:
        one.dispatch_no += one.id not in self.held
        one.is_dispatch_due, one.is_unanswered = False, True

    def _close(self, one: Attempt) -> None:
        """The first manifest of any claim that settles it does, in the order of their keys; else time is over."""
        if one.id in self.held and not one.claims:
            one.is_close_due = False
            return
        for claim in sorted(one.claims, key=str):
            manifest = self.manifests.get(claim, Manifest())
            if manifest.result:
                self._end(one, "SUCCEEDED")
                one.result, one.result_claim = manifest.result, claim
                return
            if manifest.error_type and claim == one.claims[-1]:
                self._give_up(one, "FAILED", manifest.error_type)
                return
        self._give_up(one, "TIMED_OUT", "timeout")

    def _give_up(self, one: Attempt, state: str, error_type: str) -> None:
        self._end(one, state)
        one.error_type = error_type
        if error_type in RETRIED and one.attempt - one.first_attempt + 1 < MAX_TRIES:
            again = Attempt(
                id=None,
                pipeline_uid=one.pipeline_uid,
                node_uid=one.node_uid,
                node_id=one.node_id,
                attempt=one.attempt + 1,
                first_attempt=one.first_attempt,
                dispatch_no=0,
            )
            self.attempts.append(again)

    @staticmethod
    def _end(one: Attempt, state: str) -> None:
        one.state, one.holder = state, None
        one.is_dispatch_due = one.is_lease_over = one.is_close_due = False


def _facts(row: Row) -> dict[str, object]:
    names = ("node_uid", "attempt", "first_attempt", "dispatch_no", "state", "claim", "last_claim", "lost_leases")
    output = row["output"]
    return {name: row[name] for name in names} | {
        "result": (output["s3Key"], output["size"], output["sha256"]) if output else None,
        "result_claim": row["result_claim"],
        "error_type": row["failure"]["errorType"] if row["failure"] else "",
    }
