"""What is known about the nodes of a pipeline while they run, kept up to date from a watch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from google.protobuf.timestamp_pb2 import Timestamp
from montage.v1 import resources_pb2 as resources
from montage.v1.pipeline_service_pb2 import WatchPipelineResponse

from montage_cli.failures import failure_words
from montage_cli.names import last_id


class Stage(StrEnum):
    """Where a node stands, in the words that are shown."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        return self in {Stage.QUEUED, Stage.RUNNING, Stage.WAITING}

    @property
    def is_over(self) -> bool:
        return self not in {Stage.PENDING, Stage.QUEUED, Stage.RUNNING, Stage.WAITING}


_STAGE_OF_EVENT = {
    resources.EVENT_TYPE_ASSET_COMPLETED: Stage.COMPLETED,
    resources.EVENT_TYPE_EXECUTION_QUEUED: Stage.QUEUED,
    resources.EVENT_TYPE_EXECUTION_STARTED: Stage.RUNNING,
    resources.EVENT_TYPE_EXECUTION_WAITING: Stage.WAITING,
    resources.EVENT_TYPE_EXECUTION_REQUEUED: Stage.QUEUED,
    resources.EVENT_TYPE_EXECUTION_SUCCEEDED: Stage.COMPLETED,
    resources.EVENT_TYPE_EXECUTION_FAILED: Stage.FAILED,
    resources.EVENT_TYPE_EXECUTION_TIMED_OUT: Stage.TIMED_OUT,
    resources.EVENT_TYPE_EXECUTION_CANCELLED: Stage.CANCELLED,
    resources.EVENT_TYPE_EXECUTION_APPROVED: Stage.QUEUED,
    resources.EVENT_TYPE_EXECUTION_QUARANTINED: Stage.FAILED,
}
_STAGE_OF_STATE = {
    resources.NODE_STATE_PENDING: Stage.PENDING,
    resources.NODE_STATE_IN_PROGRESS: Stage.RUNNING,
    resources.NODE_STATE_COMPLETED: Stage.COMPLETED,
    resources.NODE_STATE_FAILED: Stage.FAILED,
}
_RUN_ENDS = {
    resources.EVENT_TYPE_RUN_SUCCEEDED: "succeeded",
    resources.EVENT_TYPE_RUN_FAILED: "failed",
    resources.EVENT_TYPE_RUN_CANCELLED: "cancelled",
}
_HOLDS = {
    resources.EVENT_TYPE_RUN_PAUSED: True,
    resources.EVENT_TYPE_RUN_RESUMED: False,
    resources.EVENT_TYPE_PIPELINE_PAUSED: True,
    resources.EVENT_TYPE_PIPELINE_RESUMED: False,
    resources.EVENT_TYPE_NODE_PAUSED: True,
    resources.EVENT_TYPE_NODE_RESUMED: False,
}
"""Events of holding and letting go; whether they hold."""


@dataclass(kw_only=True)
class Row:
    """One node."""

    id: str
    type: str
    stage: Stage
    inputs: tuple[resources.NodeInput, ...] = ()
    level: int = 0
    """0 needs nothing that is shown; any other is one more than the highest that it needs."""
    execution: str = ""
    attempt: int = 0
    fraction: float | None = None
    """Done share, 0 to 1; None when unknown."""
    is_paused: bool = False
    """Held by a user: not started until it is resumed."""
    detail: str = ""
    """Word for what happens now, while active."""
    start_time: datetime | None = None
    """When a worker first took the present execution."""
    end_time: datetime | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Resource names of the nodes whose results it takes."""
        return tuple(source for slot in self.inputs for source in slot.nodes)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """Something worth a line."""

    time: datetime
    subject: str
    """Node id, or `run`."""
    word: str
    seconds: float | None = None
    """How long the node ran, when it is over."""
    attempt: int = 0
    message: str = ""


class Board:
    """The nodes that are shown. Ignores updates about other nodes, and about other runs than `run` if that is given."""

    def __init__(self, nodes: Iterable[resources.Node], *, run: str = "") -> None:
        self.rows: dict[str, Row] = {node.name: _row_of(node) for node in nodes}
        self._run = run
        self._rank()

    def by_level(self) -> list[tuple[str, Row]]:
        """The rows with their names: first those that need nothing, within a level in the order of the document."""
        return sorted(self.rows.items(), key=lambda item: item[1].level)

    def apply(self, update: WatchPipelineResponse) -> Transition | None:
        """Take in one update; answers the transition it was, if any."""
        match update.WhichOneof("update"):
            case "snapshot":
                self.rows |= {node.name: _row_of(node) for node in update.snapshot.nodes}
                self._rank()
            case "progress":
                self._progress(update.progress.node, update.progress.execution, update.progress.progress)
            case "event":
                return self._event(update.event)
        return None

    def _rank(self) -> None:
        """Give every row its level: each round settles one more, and there cannot be more levels than rows."""
        for _ in self.rows:
            levels = {name: self._level_above(row) for name, row in self.rows.items()}
            if all(self.rows[name].level == level for name, level in levels.items()):
                return
            for name, level in levels.items():
                self.rows[name].level = level

    def _level_above(self, row: Row) -> int:
        return max((self.rows[one].level + 1 for one in row.needs if one in self.rows), default=0)

    def _event(self, event: resources.Event) -> Transition | None:
        time = _time_of(event.create_time)
        if event.type in _RUN_ENDS and self._run in {"", event.run}:
            return Transition(time=time, subject="run", word=_RUN_ENDS[event.type], message=event.message)
        if event.type in _HOLDS:
            return self._hold(event, time)
        row, stage = self.rows.get(event.node), _STAGE_OF_EVENT.get(event.type)
        if row is None or stage is None:
            return None
        if event.execution != row.execution:
            row.execution, row.start_time, row.end_time = event.execution, None, None
            row.attempt = event.attempt
        row.stage = stage
        row.fraction, row.detail = None, ""
        if stage is Stage.RUNNING:
            row.start_time = row.start_time or time
        if stage.is_over:
            row.end_time = time
        seconds = (time - row.start_time).total_seconds() if stage.is_over and row.start_time else None
        # What is waited for is told as the word of an enum.
        message = event.message.lower() if stage is Stage.WAITING else failure_words(event.message, row.inputs)
        return Transition(
            time=time, subject=row.id, word=stage, seconds=seconds, attempt=event.attempt, message=message
        )

    def _hold(self, event: resources.Event, time: datetime) -> Transition | None:
        """A hold of a node that is shown, of the run that is followed, or of the whole pipeline."""
        is_held = _HOLDS[event.type]
        word = "paused" if is_held else "resumed"
        if event.node:
            row = self.rows.get(event.node)
            if row is None:
                return None
            row.is_paused = is_held
            return Transition(time=time, subject=row.id, word=word)
        if event.run and self._run not in {"", event.run}:
            return None
        return Transition(time=time, subject="run" if event.run else "pipeline", word=word)

    def _progress(self, node: str, execution: str, progress: resources.Progress) -> None:
        row = self.rows.get(node)
        # Progress has no sequence: what belongs to another execution, or comes after the end, is late.
        if row is None or not row.stage.is_active or row.execution not in {"", execution}:
            return
        row.fraction = min(max(progress.fraction, 0.0), 1.0) if progress.HasField("fraction") else None
        row.detail = progress.stage


def ended_run(update: WatchPipelineResponse) -> str:
    """Resource name of the run that ended with this update; empty if none did."""
    is_end = update.WhichOneof("update") == "event" and update.event.type in _RUN_ENDS
    return update.event.run if is_end else ""


def _row_of(node: resources.Node) -> Row:
    row = Row(
        id=last_id(node.name),
        type=node.type,
        stage=_STAGE_OF_STATE.get(node.state, Stage.PENDING),
        execution=node.execution,
        is_paused=node.paused,
        inputs=tuple(node.inputs),
    )
    if row.stage is Stage.RUNNING:
        row.fraction = node.progress.fraction if node.progress.HasField("fraction") else None
        row.detail = node.progress.stage
        row.start_time = _time_of(node.update_time)
    return row


def _time_of(timestamp: Timestamp) -> datetime:
    """In the zone of this machine, for showing."""
    return datetime.fromtimestamp(timestamp.seconds + timestamp.nanos / 1e9).astimezone()
