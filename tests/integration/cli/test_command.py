"""The `montage` command as a process, against a service over mutual TLS."""

import asyncio
import json
import os
import signal

from montage.v1 import resources_pb2 as resources

from montage_cli.connection import Connection
from tests.integration.cli.fake_service import RUN_ID, FakeService
from tests.integration.cli.fake_store import FakeStore
from tests.integration.cli.process import DOCUMENT, Montage
from tests.patience import PATIENCE_S

RUN = f"pipelines/welcome/runs/{RUN_ID}"


async def test_run_file_imports_runs_waits_and_downloads_the_leaf(montage: Montage) -> None:
    ended = await montage("run", "welcome.yaml", "--summary")

    lines = ended.stdout.splitlines()
    assert (ended.code, ended.stderr) == (0, "")
    assert lines[0] == "imported pipelines/welcome: 3 added"
    assert [line.split()[1:3] for line in lines[1:8]] == [
        ["text", "running"],
        ["text", "completed"],
        ["voice", "running"],
        ["voice", "completed"],
        ["film", "running"],
        ["film", "completed"],
        ["run", "succeeded"],
    ]
    assert lines[8] == "out/film.mp4 (28 B)"
    assert lines[9] == "ran text, voice, film"
    assert lines[10].split() == ["NODE", "RESULT", "EXECUTION", "ATTEMPT", "SECONDS", "ARTIFACT"]
    assert lines[13].split() == [
        "film",
        "done",
        RUN_ID,
        "1",
        "0.0",
        f"…{f'{RUN_ID}/output.mp4'[-31:]}",
    ]
    assert lines[14].startswith("in all: 0.")
    assert lines[14].endswith("out/film.mp4")
    assert (montage.folder / "out" / "film.mp4").read_bytes() == b"pipelines/welcome/nodes/film"


async def test_run_file_as_json_prints_only_json(montage: Montage) -> None:
    ended = await montage("run", "welcome.yaml", "-o", "json", "--out", "films")

    assert ended.code == 0
    assert ended.json["run"]["state"] == "RUN_STATE_SUCCEEDED"
    assert ended.json["summary"]["files"] == ["films/film.mp4"]
    assert [node["result"] for node in ended.json["summary"]["nodes"]] == ["done"] * 3
    assert "film           completed" in ended.stderr


async def test_run_that_fails_names_nodes_reasons_and_what_was_skipped(montage: Montage, service: FakeService) -> None:
    service.faults.failing_node = "voice"

    ended = await montage("run", "welcome.yaml")

    assert ended.code == 1
    assert ended.stderr == (
        f"the run failed: {RUN}\n"
        "voice failed: FFmpeg ended with 1\n    line 1\n    no such filter\n"
        "film skipped: an input failed\n"
    )
    assert not (montage.folder / "out").exists()


async def test_run_that_fails_still_downloads_leaves_that_are_complete(montage: Montage, service: FakeService) -> None:
    other = "  - id: poster\n    type: noop\n"
    (montage.folder / "welcome.yaml").write_text(DOCUMENT + other)
    service.faults.failing_node = "film"

    ended = await montage("run", "welcome.yaml")

    assert ended.code == 1
    assert os.listdir(montage.folder / "out") == ["poster.mp4"]


async def test_run_pipeline_does_not_wait_unless_told(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))

    started = await montage("run", "welcome")
    waited = await montage("run", "pipelines/welcome", "--wait")

    assert (started.code, started.stdout) == (0, f"{RUN}\n")
    assert waited.code == 0
    assert "film           completed" in waited.stdout
    assert not (montage.folder / "out").exists()


async def test_run_targets_are_downloaded_instead_of_leaves(montage: Montage, service: FakeService) -> None:
    ended = await montage("run", "welcome.yaml", "--target", "voice", "--target", "welcome/text")

    assert ended.code == 0
    assert list(service.runs[RUN].targets) == ["pipelines/welcome/nodes/voice", "pipelines/welcome/nodes/text"]
    assert sorted(os.listdir(montage.folder / "out")) == ["text.mp4", "voice.mp4"]


async def test_run_survives_watches_that_break(montage: Montage, service: FakeService) -> None:
    service.faults.break_watch_after = [1, 2, 0]

    ended = await montage("run", "welcome.yaml")

    assert ended.code == 0
    assert ended.stdout.count("completed") == 3
    assert ended.stdout.count("running") == 3


async def test_run_whose_end_is_never_told_ends_all_the_same(montage: Montage, service: FakeService) -> None:
    service.faults.hides_run_end = True

    ended = await montage("run", "welcome.yaml")

    assert ended.code == 0
    assert (montage.folder / "out" / "film.mp4").exists()


async def test_run_interrupted_says_that_it_goes_on(montage: Montage, service: FakeService) -> None:
    service.faults.never_ends = True
    process = await montage.start("run", "welcome.yaml")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while b"film           running" not in await process.stdout.readline():
            pass

    process.send_signal(signal.SIGINT)
    ended = await montage.end_of(process)

    assert ended.code == 5
    assert ended.stderr == f"interrupted\nthe run goes on: {RUN}\nwatch it with: montage watch welcome\n"


async def test_watch_follows_an_active_run_to_its_end(montage: Montage, service: FakeService) -> None:
    name = service.given_pipeline("welcome", ("film", "noop", ()))
    service.faults.never_ends = True
    await montage("run", "welcome")
    process = await montage.start("watch", "welcome", "-o", "json")
    async with asyncio.timeout(PATIENCE_S):
        while not service.watches:  # noqa: ASYNC110 # the command starts in its own time
            await asyncio.sleep(0.02)

    service.faults.never_ends = False
    run = service.runs[RUN]
    node = service.nodes[name][0]
    await service.finish(name, node, run)
    ended = await montage.end_of(process)

    updates = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.code == 0
    assert [one["name"] for one in updates[0]["snapshot"]["nodes"]] == [one.name for one in service.nodes[name]]
    assert [update["event"]["type"] for update in updates[1:]] == [
        "EVENT_TYPE_EXECUTION_SUCCEEDED",
        "EVENT_TYPE_RUN_SUCCEEDED",
    ]


async def test_run_of_a_paused_pipeline_says_what_it_waits_for(montage: Montage, service: FakeService) -> None:
    service.pipelines[service.given_pipeline("welcome", ("film", "noop", ()))].paused = True

    ended = await montage("run", "welcome", "--wait")
    listed = await montage("list")

    assert ended.stdout.splitlines()[0] == "pipelines/welcome is paused; 'montage resume welcome' lets it go on"
    assert listed.stdout.splitlines()[1].split()[:2] == ["welcome", "paused"]


async def test_watch_waits_for_a_held_run_and_says_what_lets_it_go_on(montage: Montage, service: FakeService) -> None:
    name = service.given_pipeline("welcome", ("film", "noop", ()))
    run = service.runs[RUN] = resources.Run(name=RUN, state=resources.RUN_STATE_PAUSED)
    process = await montage.start("watch", "welcome")
    async with asyncio.timeout(PATIENCE_S):
        while not service.watches:  # noqa: ASYNC110 # the command starts in its own time
            await asyncio.sleep(0.02)

    run.state = resources.RUN_STATE_CANCELLED
    await service.add_event(name, resources.EVENT_TYPE_RUN_CANCELLED, run=RUN)
    ended = await montage.end_of(process)

    assert ended.stdout.startswith(f"{RUN} is paused; 'montage resume {RUN}' lets it go on\n")
    assert ended.code == 1
    assert ("state = ACTIVE OR state = PAUSED", "") in service.filters


async def test_watch_of_a_quiet_pipeline_shows_it_and_ends(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))

    ended = await montage("watch", "welcome")
    as_json = await montage("watch", "welcome", "-o", "json")

    assert as_json.json["snapshot"]["nodes"][0]["name"] == "pipelines/welcome/nodes/film"
    assert as_json.json["snapshot"]["complete"]
    assert ended.code == 0
    assert ended.stdout.splitlines() == ["NODE  TYPE  STATE    ARTIFACT", "film  noop  pending", "nothing is running"]


async def test_import_of_a_bad_document_exits_3_with_all_problems(montage: Montage, service: FakeService) -> None:
    service.violations = [("nodes[1].type", "unknown node type"), ("nodes[2].inputs.segments", "no node 'voice'")]

    ended = await montage("import", "welcome.yaml")

    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr == (
        "welcome.yaml has 2 problems; nothing was created:\n"
        "  nodes[1].type, line 7: unknown node type\n"
        "  nodes[2].inputs.segments, line 11: no node 'voice'\n"
    )


async def test_import_of_broken_yaml_exits_3_with_line_and_column(montage: Montage) -> None:
    (montage.folder / "welcome.yaml").write_text("id: [welcome\nnodes: 1\n")

    ended = await montage("run", "welcome.yaml")

    assert ended.code == 3
    assert "welcome.yaml has 1 problem; nothing was created:\n  line 2, column 6: is not YAML" in ended.stderr


async def test_list_and_get_as_table_and_json(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("text", "asset", ()), ("film", "noop", ("text",)), ("poster", "noop", ()))
    service.given_pipeline("other")
    service.given_pipeline("third")

    table = await montage("list")
    listed = await montage("list", "-o", "json")
    shown = await montage("get", "welcome")
    pipeline = await montage("get", "welcome", "-o", "json")
    node = await montage("get", "welcome/film", "-o", "json")

    assert [line.split()[0] for line in table.stdout.splitlines()] == ["PIPELINE", "welcome", "other", "third"]
    assert [one["name"] for one in listed.json["pipelines"]] == [
        f"pipelines/{n}" for n in ("welcome", "other", "third")
    ]
    assert "film    noop   pending" in shown.stdout
    assert [one["name"].rpartition("/")[2] for one in pipeline.json["nodes"]] == ["text", "film", "poster"]
    assert node.json["inputs"] == [{"slot": "in", "nodes": ["pipelines/welcome/nodes/text"]}]


async def test_get_of_a_run_shows_its_decisions(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))
    await montage("run", "welcome")

    ended = await montage("get", RUN)

    assert ended.code == 0
    assert "state  succeeded" in ended.stdout
    assert f"film  done    {RUN_ID}" in ended.stdout


async def test_get_of_nothing_exits_3(montage: Montage) -> None:
    ended = await montage("get", "none")

    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr.startswith("error: no pipeline pipelines/none\n")


async def test_download_brings_every_finished_leaf_and_tells_of_the_others(
    montage: Montage, service: FakeService, store: FakeStore
) -> None:
    name = service.given_pipeline("welcome", ("a", "noop", ()), ("film", "noop", ("a",)), ("poster", "noop", ()))
    film = service.nodes[name][1]
    film.output.CopyFrom(store.given_output("film.mp4", content=b"film"))

    ended = await montage("download", "welcome")

    assert ended.code == 3
    assert ended.stdout == "out/film.mp4 (4 B)\n"
    assert ended.stderr == "no output yet: pipelines/welcome/nodes/poster (pending)\n"
    assert (montage.folder / "out" / "film.mp4").read_bytes() == b"film"


async def test_download_of_one_node(montage: Montage, service: FakeService, store: FakeStore) -> None:
    name = service.given_pipeline("welcome", ("film", "noop", ()))
    service.nodes[name][0].output.CopyFrom(store.given_output("film.mp4", content=b"film"))

    ended = await montage("download", "welcome/film", "--out", "here", "-o", "json")

    assert (ended.code, ended.json) == (0, {"files": ["here/film.mp4"]})


async def test_preview_brings_the_sheets_of_films_and_only_those(
    montage: Montage, service: FakeService, store: FakeStore
) -> None:
    name = service.given_pipeline("welcome", ("voice", "noop", ()), ("film", "noop", ("voice",)))
    voice, film = service.nodes[name]
    voice.output.CopyFrom(store.given_output("a/voice.wav", content=b"voice"))
    film.output.CopyFrom(store.given_output("b/film.mp4", content=b"film"))
    film.output.contact_sheet = "contact_sheet.jpg"
    store.objects["b/contact_sheet.jpg"] = b"twelve frames"

    of_all = await montage("preview", "welcome")
    of_one = await montage("preview", "welcome/film", "--out", "here", "-o", "json")
    of_none = await montage("preview", "welcome/voice")

    assert (of_all.code, of_all.stdout) == (0, "out/film.jpg (13 B)\n")
    assert (montage.folder / "out" / "film.jpg").read_bytes() == b"twelve frames"
    assert (of_one.code, of_one.json) == (0, {"files": ["here/film.jpg"]})
    assert of_none.code == 3
    assert of_none.stderr.startswith("no contact sheet: pipelines/welcome/nodes/voice")


async def test_files_of_a_draft_say_so(montage: Montage, service: FakeService, store: FakeStore) -> None:
    name = service.given_pipeline("welcome~draft", ("film", "noop", ()))
    film = service.nodes[name][0]
    film.output.CopyFrom(store.given_output("b/film.mp4", content=b"film"))
    film.output.contact_sheet = "contact_sheet.jpg"
    store.objects["b/contact_sheet.jpg"] = b"twelve frames"

    downloaded = await montage("download", "welcome~draft", "-o", "json")
    previewed = await montage("preview", "welcome~draft/film", "-o", "json")

    assert downloaded.json == {"files": ["out/film-DRAFT.mp4"]}
    assert previewed.json == {"files": ["out/film-DRAFT.jpg"]}


async def test_nobody_there_exits_4_without_noise(montage: Montage) -> None:
    ended = await montage("--address", "127.0.0.1:1", "list")

    assert (ended.code, ended.stdout) == (4, "")
    assert ended.stderr.startswith("error: cannot reach the service at 127.0.0.1:1 (from options and environment)")
    assert ended.stderr.splitlines()[1:] == ["hint: 'montage doctor' tells what it sees"]


async def test_dev_env_of_a_running_bin_dev_is_found(montage: Montage, connection: Connection) -> None:
    folder = montage.folder / ".montage"
    folder.mkdir()
    given = {name: montage.environment.pop(name) for name in list(montage.environment) if name.startswith("MONTAGE_")}
    (folder / "dev.env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))

    ended = await montage("list", "-o", "json")

    assert (ended.code, ended.json) == (0, {"pipelines": []})
