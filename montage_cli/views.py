"""Shows how a run goes on: one line per transition, or bars on a terminal."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.text import Text

from montage_cli.board import Board, Row, Stage, Transition
from montage_cli.names import last_id
from montage_cli.text import printable, seconds

_NODE_WIDTH = 14
_WORD_WIDTH = 11
_NEEDS_SHOWN = 3
# Left free below and above the bars.
_SPARE_LINES = 4
_STYLES = {
    Stage.COMPLETED: "green",
    Stage.FAILED: "red",
    Stage.TIMED_OUT: "red",
    Stage.CANCELLED: "yellow",
    Stage.RUNNING: "cyan",
    Stage.WAITING: "cyan",
}


class View(Protocol):
    """What follows a board."""

    def changed(self, board: Board, transition: Transition | None) -> None:
        """Show what is new; called after every update."""
        ...


class PlainLines:
    """One line per transition, for logs and pipes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def changed(self, board: Board, transition: Transition | None) -> None:
        if transition is not None:
            width = max([_NODE_WIDTH, *(len(row.id) for row in board.rows.values())])
            self._write(plain_line(transition, width=width))


def plain_line(transition: Transition, *, width: int = _NODE_WIDTH) -> str:
    """`12:00:03 voice          completed   2.1 s`."""
    extra = [seconds(transition.seconds)] if transition.seconds is not None else []
    if transition.attempt > 1:
        extra.append(f"attempt {transition.attempt}")
    if transition.message:
        extra.append(" ".join(printable(transition.message).split()))
    time = transition.time.strftime("%H:%M:%S")
    return f"{time} {transition.subject:<{width}} {transition.word:<{_WORD_WIDTH}} {'  '.join(extra)}".rstrip()


class Bars:
    """The graph on a terminal: a line per node by level, each with what it needs."""

    def __init__(self, progress: Progress, *, height: int) -> None:
        """Of more nodes than `height` has lines for, only those that are active or failed are shown."""
        self._progress = progress
        self._height = height
        self._tasks: dict[str, TaskID] = {}

    def changed(self, board: Board, transition: Transition | None) -> None:  # noqa: ARG002 # bars show states
        shows_all = len(board.rows) <= self._height - _SPARE_LINES
        for name, row in board.by_level():
            is_visible = shows_all or row.stage.is_active or row.stage in {Stage.FAILED, Stage.TIMED_OUT}
            # Without a total the bar pulses.
            total = None if row.stage.is_active and row.fraction is None and row.stage is not Stage.QUEUED else 1.0
            done = 1.0 if row.stage is Stage.COMPLETED else row.fraction or 0.0
            if name in self._tasks:
                self._progress.update(self._tasks[name], total=total, completed=done, visible=is_visible, row=row)
            else:
                self._tasks[name] = self._progress.add_task(
                    row.id, total=total, completed=int(done), visible=is_visible, row=row
                )


def bar_column() -> BarColumn:
    """A bar whose done part is told from the rest by 16 colours, too, in which Rich's own styles all become grey."""
    return BarColumn(bar_width=28, complete_style="cyan", finished_style="green", pulse_style="cyan")


@contextlib.contextmanager
def bars(console: Console) -> Iterator[Bars]:
    """Bars that live until the block is left; the last state stays on the screen."""
    progress = Progress(
        _RowColumn(lambda row: Text(str(row.level), style="dim")),
        _RowColumn(lambda row: Text(row.id)),
        _RowColumn(lambda row: Text(row.type, style="dim")),
        _RowColumn(lambda row: Text(_state(row), style=_STYLES.get(row.stage, ""))),
        bar_column(),
        _RowColumn(_elapsed),
        _RowColumn(lambda row: Text(f"attempt {row.attempt}" if row.attempt > 1 else "", style="yellow")),
        _RowColumn(lambda row: Text(printable(row.detail), style="dim")),
        _RowColumn(lambda row: Text(_needs(row), style="dim")),
        console=console,
        refresh_per_second=8,
    )
    with progress:
        yield Bars(progress, height=console.height)


class _RowColumn(ProgressColumn):
    def __init__(self, show: Callable[[Row], Text]) -> None:
        super().__init__()
        self._show = show

    def render(self, task: Task) -> Text:
        return self._show(task.fields["row"])


def _state(row: Row) -> str:
    return f"{row.stage}, paused" if row.is_paused and not row.stage.is_over else row.stage


def _needs(row: Row) -> str:
    """`← voice, title`; of many the first ones."""
    if not row.needs:
        return ""
    more = f" +{len(row.needs) - _NEEDS_SHOWN}" if len(row.needs) > _NEEDS_SHOWN else ""
    return f"← {', '.join(last_id(one) for one in row.needs[:_NEEDS_SHOWN])}{more}"


def _elapsed(row: Row) -> Text:
    if row.start_time is None:
        return Text("")
    end = row.end_time or datetime.now(UTC)
    return Text(seconds(max((end - row.start_time).total_seconds(), 0.0)), style="dim")
