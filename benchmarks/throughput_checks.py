"""What must be true before a figure is printed, looked at from outside the services."""

from __future__ import annotations

from benchmarks.outside import Counts
from benchmarks.progress import MeasurementFailed


class NotAsClaimed(MeasurementFailed):
    """The system did not do what the workload says, so that its figures would mean nothing."""


def check_executed(counts: Counts, *, nodes: int, messages: int, executor_pid: int | None) -> None:
    """Every node executed once, told to a worker over the queue and in dense events. Raises NotAsClaimed.

    The outputs name the process that made them; None where they come from outside.
    """
    found = {
        "SUCCEEDED executions": (counts.succeeded, nodes),
        "executions": (counts.executions, nodes),
        "executions with EXECUTION_QUEUED": (counts.queued_events, nodes),
        "executions with EXECUTION_SUCCEEDED": (counts.succeeded_events, nodes),
        "pipelines with gaps in their events": (counts.sequences_with_gaps, 0),
        "reuse hits": (counts.reuse_hits, 0),
        "messages in WORK": (messages, nodes),
    }
    wrong = [
        f"{what}: expected {wanted}, found {number}" for what, (number, wanted) in found.items() if number != wanted
    ]
    if executor_pid is not None and counts.made_by != {str(executor_pid)}:
        wrong.append(f"outputs: expected those of process {executor_pid}, found {', '.join(sorted(counts.made_by))}")
    _refuse(wrong)


def check_reused(counts: Counts, *, nodes: int) -> None:
    """Every node completed from the artifact table, and none executed. Raises NotAsClaimed."""
    _refuse(
        [
            f"{what}: expected {wanted}, found {number}"
            for what, number, wanted in (("reuse hits", counts.reuse_hits, nodes), ("executions", counts.executions, 0))
            if number != wanted
        ]
    )


def check_durable(*, transactions: int, syncs: int, sessions: int, is_durable: bool) -> None:
    """Nobody has traded durability for speed. Raises NotAsClaimed.

    A session that commits durably waits for a sync of the log, and one sync serves each session once at most: fewer
    syncs than transactions per session betray commits that did not wait.
    """
    wrong = []
    if not is_durable:
        wrong.append("fsync, full_page_writes and synchronous_commit: expected on for everybody, and no unlogged table")
    if syncs * sessions < transactions:
        wrong.append(f"syncs of the log: expected at least {transactions} / {sessions} sessions, found {syncs}")
    _refuse(wrong)


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise NotAsClaimed("\n    ".join(["the figures would mean nothing:", *wrong]))
