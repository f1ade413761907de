"""What is shown while a run goes on."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from montage.v1 import pipeline_service_pb2 as api
from montage.v1 import resources_pb2 as resources
from rich.console import Console

from montage_cli.board import Board, Stage, ended_run
from montage_cli.text import last_lines, printable
from montage_cli.views import PlainLines, bars, plain_line

PIPELINE = "pipelines/welcome"
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
LOCAL_NOON = NOON.astimezone().strftime("%H:%M:%S")


def a_node(node_id: str, *needs: str, state: resources.NodeState = resources.NODE_STATE_PENDING) -> resources.Node:
    node = resources.Node(name=f"{PIPELINE}/nodes/{node_id}", type="generate-voiceover", state=state)
    if needs:
        node.inputs.add(slot="in", nodes=[f"{PIPELINE}/nodes/{one}" for one in needs])
    return node


def an_event(
    kind: resources.EventType,
    *,
    node: str = "voice",
    execution: str = "e1",
    after_s: float = 0,
    attempt: int = 1,
    message: str = "",
) -> api.WatchPipelineResponse:
    event = resources.Event(
        type=kind,
        node=f"{PIPELINE}/nodes/{node}" if node else "",
        execution=execution,
        attempt=attempt,
        message=message,
        run=f"{PIPELINE}/runs/r1",
    )
    event.create_time.FromDatetime(NOON + timedelta(seconds=after_s))
    return api.WatchPipelineResponse(event=event)


def some_progress(fraction: float | None, *, execution: str = "e1") -> api.WatchPipelineResponse:
    progress = resources.Progress(stage="encoding", fraction=fraction)
    update = api.NodeProgress(node=f"{PIPELINE}/nodes/voice", execution=execution, progress=progress)
    return api.WatchPipelineResponse(progress=update)


def lines_of(*updates: api.WatchPipelineResponse) -> list[str]:
    board = Board([a_node("voice"), a_node("film")], run=f"{PIPELINE}/runs/r1")
    lines: list[str] = []
    view = PlainLines(lines.append)
    for update in updates:
        view.changed(board, board.apply(update))
    return lines


def test_plain_lines_one_per_transition() -> None:
    lines = lines_of(
        an_event(resources.EVENT_TYPE_EXECUTION_QUEUED),
        an_event(resources.EVENT_TYPE_EXECUTION_STARTED),
        some_progress(0.5),
        an_event(resources.EVENT_TYPE_EXECUTION_WAITING),
        an_event(resources.EVENT_TYPE_EXECUTION_SUCCEEDED, after_s=2.1),
        an_event(resources.EVENT_TYPE_RUN_SUCCEEDED, node="", execution="", after_s=2.1),
    )

    later = (NOON + timedelta(seconds=2.1)).astimezone().strftime("%H:%M:%S")
    assert lines == [
        f"{LOCAL_NOON} voice          queued",
        f"{LOCAL_NOON} voice          running",
        f"{LOCAL_NOON} voice          waiting",
        f"{later} voice          completed   2.1 s",
        f"{later} run            succeeded",
    ]


def test_plain_lines_failure_tells_attempt_and_reason_on_one_line() -> None:
    lines = lines_of(
        an_event(resources.EVENT_TYPE_EXECUTION_STARTED, attempt=2),
        an_event(resources.EVENT_TYPE_EXECUTION_FAILED, after_s=1, attempt=2, message="no\nvoice\x1b[2J"),
    )

    assert lines[1].endswith("voice          failed      1.0 s  attempt 2  no voice\N{REPLACEMENT CHARACTER}[2J")


def test_plain_line_of_a_failure_names_the_node_in_place_of_its_object() -> None:
    board = Board([a_node("a"), a_node("film", "a")])
    failed = an_event(
        resources.EVENT_TYPE_EXECUTION_FAILED, node="film", message="in[0] (s3://montage/ab.mp4) has no pictures"
    )

    transition = board.apply(failed)

    assert transition is not None
    assert transition.message == "in[0] (node 'a') has no pictures"


def test_plain_lines_other_nodes_and_runs_are_left_out() -> None:
    other_run = an_event(resources.EVENT_TYPE_RUN_FAILED, node="", execution="")
    other_run.event.run = f"{PIPELINE}/runs/r2"

    assert lines_of(other_run, an_event(resources.EVENT_TYPE_EXECUTION_STARTED, node="stranger")) == []


def test_plain_line_long_ids_keep_the_columns() -> None:
    board = Board([a_node("a-node-with-a-rather-long-id"), a_node("b")])
    transition = board.apply(an_event(resources.EVENT_TYPE_EXECUTION_STARTED, node="b"))

    assert transition is not None
    assert plain_line(transition, width=28) == f"{LOCAL_NOON} {'b':<28} running"


def test_board_requeued_execution_keeps_its_start() -> None:
    board = Board([a_node("voice")])
    for update in (
        an_event(resources.EVENT_TYPE_EXECUTION_STARTED),
        an_event(resources.EVENT_TYPE_EXECUTION_REQUEUED, after_s=10),
        an_event(resources.EVENT_TYPE_EXECUTION_STARTED, after_s=20),
    ):
        board.apply(update)
    transition = board.apply(an_event(resources.EVENT_TYPE_EXECUTION_SUCCEEDED, after_s=30))

    assert transition is not None
    assert transition.seconds == 30


def test_board_next_attempt_starts_anew() -> None:
    board = Board([a_node("voice")])
    for update in (
        an_event(resources.EVENT_TYPE_EXECUTION_STARTED),
        an_event(resources.EVENT_TYPE_EXECUTION_FAILED, after_s=10),
        an_event(resources.EVENT_TYPE_EXECUTION_QUEUED, execution="e2", attempt=2, after_s=11),
    ):
        board.apply(update)

    (row,) = board.rows.values()
    assert (row.stage, row.start_time, row.end_time, row.attempt) == (Stage.QUEUED, None, None, 2)


def test_board_late_progress_changes_nothing() -> None:
    board = Board([a_node("voice")])
    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_STARTED))
    board.apply(some_progress(0.7, execution="e0"))
    (row,) = board.rows.values()
    assert row.fraction is None

    board.apply(some_progress(0.7))
    assert row.fraction == pytest.approx(0.7)
    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_SUCCEEDED))
    board.apply(some_progress(0.9))
    assert (row.stage, row.fraction) == (Stage.COMPLETED, None)


def test_board_snapshot_replaces_rows() -> None:
    board = Board([])
    snapshot = api.Snapshot(nodes=[a_node("voice", state=resources.NODE_STATE_COMPLETED)], complete=True)
    board.apply(api.WatchPipelineResponse(snapshot=snapshot))

    (row,) = board.rows.values()
    assert (row.id, row.stage) == ("voice", Stage.COMPLETED)


def test_ended_run_only_for_the_end_of_a_run() -> None:
    assert ended_run(an_event(resources.EVENT_TYPE_RUN_CANCELLED)) == f"{PIPELINE}/runs/r1"
    assert ended_run(an_event(resources.EVENT_TYPE_RUN_CREATED)) == ""
    assert ended_run(some_progress(0.1)) == ""


def screen_of(board: Board, *, height: int) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, height=height, color_system=None)
    with bars(console) as view:
        view.changed(board, None)
    return screen.getvalue()


def test_bar_of_a_completed_node_differs_from_an_empty_one_in_16_colours() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=140, color_system="standard")
    with bars(console) as view:
        view.changed(Board([a_node("voice", state=resources.NODE_STATE_COMPLETED), a_node("film")]), None)

    voice, film = re.findall(r"\x1b\[([0-9;]+)m━{28}", screen.getvalue())[-2:]
    assert voice == "32"  # green
    assert film != voice


def test_bars_show_every_node_with_its_state() -> None:
    board = Board([a_node("voice"), a_node("film", state=resources.NODE_STATE_COMPLETED)])
    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_STARTED))
    board.apply(some_progress(0.5))

    screen = screen_of(board, height=20)

    assert "voice generate-voiceover running" in screen
    assert "film  generate-voiceover completed" in screen
    assert "encoding" in screen


def test_bars_of_more_nodes_than_lines_show_the_active_ones() -> None:
    board = Board([a_node("voice"), *(a_node(f"n{number}") for number in range(50))])
    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_STARTED))

    screen = screen_of(board, height=20)

    assert "voice" in screen
    assert "n17" not in screen


def test_printable_keeps_text_and_drops_what_steers_the_terminal() -> None:
    assert printable("Grüße 👩‍🚀\n\tok") == "Grüße 👩‍🚀\n\tok"
    assert printable("a\x1b[31mb\r\u202ec") == "a�[31mb��c"


def test_last_lines_skips_blank_ones() -> None:
    assert last_lines("a\n\nb\nc\n \n", 2) == ["b", "c"]


def test_board_levels_follow_the_longest_way_and_keep_the_order_of_the_document() -> None:
    nodes = [a_node("film", "merged", "title"), a_node("merged", "one", "two"), a_node("two", "text"), a_node("one"),
             a_node("text"), a_node("title"), a_node("lost", "not-shown")]  # fmt: skip

    rows = Board(nodes).by_level()

    assert [(row.id, row.level) for _, row in rows] == [
        ("one", 0), ("text", 0), ("title", 0), ("lost", 0), ("two", 1), ("merged", 2), ("film", 3),
    ]  # fmt: skip


def test_board_levels_of_a_circle_end() -> None:
    rows = Board([a_node("a", "b"), a_node("b", "a")]).by_level()

    assert {row.id for _, row in rows} == {"a", "b"}


def test_bars_draw_the_graph_by_level_with_needs_attempt_and_time() -> None:
    board = Board([a_node("film", "voice", "a", "b", "c"), a_node("voice")])
    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_STARTED, attempt=2))
    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_SUCCEEDED, attempt=2, after_s=2.1))

    screen = screen_of(board, height=20)

    lines = [" ".join(line.split()) for line in screen.splitlines()]
    bar = "━" * 28
    assert any(line.endswith(f"0 voice generate-voiceover completed {bar} 2.1 s attempt 2") for line in lines), lines
    assert "1 film generate-voiceover pending ← voice, a, b +1" in lines


def test_holds_are_told_of_pipeline_run_and_node_and_shown_at_the_node() -> None:
    board = Board([a_node("voice")], run=f"{PIPELINE}/runs/r1")
    of_pipeline = an_event(resources.EVENT_TYPE_PIPELINE_PAUSED, node="")
    of_pipeline.event.run = ""
    of_another = an_event(resources.EVENT_TYPE_RUN_PAUSED, node="")
    of_another.event.run = f"{PIPELINE}/runs/r2"
    updates = [
        of_pipeline,
        an_event(resources.EVENT_TYPE_RUN_RESUMED, node=""),
        of_another,
        an_event(resources.EVENT_TYPE_NODE_PAUSED),
    ]

    told = [board.apply(update) for update in updates]

    assert [(one.subject, one.word) for one in told if one] == [
        ("pipeline", "paused"), ("run", "resumed"), ("voice", "paused"),
    ]  # fmt: skip
    assert "voice generate-voiceover pending, paused" in screen_of(board, height=20)
    board.apply(an_event(resources.EVENT_TYPE_NODE_RESUMED))
    assert "paused" not in screen_of(board, height=20)


def test_quarantined_work_has_failed_and_approved_work_is_queued() -> None:
    board = Board([a_node("voice"), a_node("film")])

    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_QUARANTINED))
    board.apply(an_event(resources.EVENT_TYPE_EXECUTION_APPROVED, node="film"))

    assert [row.stage for row in board.rows.values()] == [Stage.FAILED, Stage.QUEUED]
