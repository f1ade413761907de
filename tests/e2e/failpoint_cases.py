"""For every failpoint the process that passes it, and the situation in which it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto


class Situation(Enum):
    """What goes on when the process stops."""

    FILM = auto()
    """One node whose result goes to the store, then one that is bought."""
    LONG = auto()
    """A node that works through several heartbeats."""
    NOBODY_WORKS = auto()
    """The executor is held still before it can take anything."""
    WORKER_SILENT = auto()
    """The executor is held still with work in its hands."""
    QUEUE_FULL = auto()
    """More work than its task queue takes at once."""
    SAME_WORK_TWICE = auto()
    """Two pipelines want the same work at the same time; one of them waits for the other."""
    JOIN = auto()
    """The media function works, and calls back."""
    CALLBACK_LOST = auto()
    """The media function has worked, and nobody hears its callback."""


@dataclass(frozen=True, kw_only=True)
class Case:
    process: str
    situation: Situation = Situation.FILM
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the life that ends here."""
    is_slow: bool = True
    """Whether only `bin/test --all` runs it; of each kind of place one is run always."""


_OVERDUE = {"PIPELINE_MAX_START_TO_CLOSE_S": "2"}
_OVERDUE_JOIN = {"PIPELINE_MAX_START_TO_CLOSE_S": "20"}

CASES: Mapping[str, Case] = {
    "state.locked": Case(process="pipeline"),
    "state.before_commit": Case(process="pipeline", is_slow=False),
    "state.after_commit": Case(process="pipeline"),
    "edit.locked": Case(process="pipeline"),
    "edit.before_commit": Case(process="pipeline"),
    "edit.after_commit": Case(process="pipeline"),
    "batch.after_commit": Case(process="pipeline"),
    "batch.before_answer": Case(process="pipeline"),
    "report.before_check": Case(process="pipeline"),
    "report.after_check": Case(process="pipeline"),
    "relay.before_publish": Case(process="pipeline"),
    "relay.after_confirmation": Case(process="pipeline", is_slow=False),
    "seal.before_commit": Case(process="pipeline"),
    "request.after_commit": Case(process="pipeline"),
    "request.after_keep": Case(process="pipeline"),
    "timers.poll_due": Case(process="pipeline"),
    "timers.dispatch_due": Case(process="pipeline", situation=Situation.NOBODY_WORKS),
    "timers.lease_over": Case(process="pipeline", situation=Situation.WORKER_SILENT),
    "timers.close_due": Case(process="pipeline", situation=Situation.WORKER_SILENT, settings=_OVERDUE),
    "reconcile.before_look": Case(process="pipeline", situation=Situation.WORKER_SILENT, settings=_OVERDUE),
    "reconcile.after_look": Case(process="pipeline", situation=Situation.CALLBACK_LOST, settings=_OVERDUE_JOIN),
    "filling.room_found": Case(
        process="pipeline", situation=Situation.QUEUE_FULL, settings={"PIPELINE_DISPATCH_WINDOWS": "noop=1"}
    ),
    "waking.due": Case(process="pipeline", situation=Situation.SAME_WORK_TWICE),
    "executor.got_message": Case(process="executor"),
    "executor.before_claim": Case(process="executor"),
    "executor.after_claim": Case(process="executor"),
    "executor.before_beat": Case(process="executor", situation=Situation.LONG),
    "executor.after_beat": Case(process="executor", situation=Situation.LONG),
    "executor.before_upload": Case(process="executor"),
    "executor.after_upload": Case(process="executor"),
    "executor.before_submit": Case(process="executor"),
    "executor.after_submit": Case(process="executor"),
    "executor.before_poll": Case(process="executor"),
    "executor.after_poll": Case(process="executor"),
    "executor.before_report": Case(process="executor", is_slow=False),
    "executor.before_ack": Case(process="executor"),
    "executor.after_ack": Case(process="executor"),
    "executor.before_invoke": Case(process="executor", situation=Situation.JOIN),
    "executor.after_invoke": Case(process="executor", situation=Situation.JOIN),
    "gateway.got_callback": Case(process="gateway", situation=Situation.JOIN),
    "gateway.before_report": Case(process="gateway", situation=Situation.JOIN),
    "gateway.after_report": Case(process="gateway", situation=Situation.JOIN),
}
