"""Commands that look at history, attempts and node types, as processes."""

import asyncio
import json
import sys

from montage.v1 import resources_pb2 as resources

from tests.integration.cli.fake_service import RUN_ID, FakeService
from tests.integration.cli.process import Montage

RUN = f"pipelines/welcome/runs/{RUN_ID}"


async def test_executions_tell_state_error_and_id_of_every_attempt(montage: Montage, service: FakeService) -> None:
    service.faults.failing_node = "voice"
    await montage("run", "welcome.yaml")

    failed = service.executions["pipelines/welcome"][-1]
    failed.vendor_job_id, failed.cost_micros = "job-7", 1_250_000
    failed.failure.message += f" {'x' * 100}"

    of_all = await montage("executions", "welcome")
    of_one = await montage("executions", "welcome/voice")
    as_json = await montage("executions", "welcome/voice", "-o", "json")
    as_names = await montage("executions", "welcome", "-o", "name")

    assert of_all.stdout.splitlines()[0].split() == [
        "NODE", "ATTEMPT", "STATE", "PROVIDER", "JOB", "COST", "STARTED", "SECONDS", "EXECUTION", "ERROR",
    ]  # fmt: skip
    assert [line.split()[0] for line in of_all.stdout.splitlines()[1:]] == ["voice", "text"]
    row = of_one.stdout.splitlines()[1].split()
    assert (row[:6], row[8:]) == (
        ["1", "failed", "local", "job-7", "1.25", "USD"],
        ["0.0", RUN_ID, "ffmpeg_error:", "FFmpeg", "ended", "with", "1", f"{'x' * 25}…"],
    )
    assert as_json.json["executions"][0]["failure"]["errorType"] == "ffmpeg_error"
    assert as_names.stdout.splitlines() == [
        f"pipelines/welcome/nodes/{node}/executions/{RUN_ID}" for node in ("voice", "text")
    ]


async def test_get_of_an_execution_shows_it(montage: Montage) -> None:
    await montage("run", "welcome.yaml")
    name = f"pipelines/welcome/nodes/film/executions/{RUN_ID}"

    ended = await montage("get", name)
    missing = await montage("get", name.replace("film", "other"))

    assert ended.code == 0
    assert "state     succeeded" in ended.stdout
    assert f"run       {RUN}" in ended.stdout
    assert (missing.code, missing.stdout) == (3, "")


async def test_runs_are_listed_newest_first_with_what_was_asked_for(montage: Montage) -> None:
    await montage("run", "welcome.yaml", "--target", "voice")

    table = await montage("runs", "welcome")
    as_names = await montage("runs", "welcome", "-o", "name")

    assert table.stdout.splitlines()[0].split() == ["RUN", "STATE", "ASKED", "SECONDS", "TARGETS"]
    row = table.stdout.splitlines()[1].split()
    assert (row[0], row[1], row[-1]) == (RUN_ID, "succeeded", "voice")
    assert as_names.stdout == f"{RUN}\n"


async def test_events_are_listed_over_all_pages_behind_a_number(montage: Montage) -> None:
    await montage("run", "welcome.yaml")

    table = await montage("events", "welcome")
    later = await montage("events", "welcome", "--after", "6")
    as_json = await montage("events", "welcome", "--after", "7", "-o", "json")

    lines = [line.split() for line in table.stdout.splitlines()]
    assert lines[0] == ["NUMBER", "TIME", "EVENT", "NODE", "ATTEMPT", "STATE", "BY", "MESSAGE"]
    assert [line[0] for line in lines[1:]] == [str(number) for number in range(1, 9)]
    assert lines[2][3:] == ["execution_started", "text", "1", "-", "-"]
    assert [line.split()[0] for line in later.stdout.splitlines()[1:]] == ["7", "8"]
    assert [json.loads(line)["type"] for line in as_json.stdout.splitlines()] == ["EVENT_TYPE_RUN_SUCCEEDED"]


async def test_events_tell_who_changed_which_state(montage: Montage, service: FakeService) -> None:
    name = service.given_pipeline("welcome")
    ours = {"old_state": "ACTIVE", "new_state": "PAUSED", "actor": "spiffe://montage/client/dev"}
    await service.add_event(name, resources.EVENT_TYPE_RUN_PAUSED, **ours)
    await service.add_event(name, resources.EVENT_TYPE_RUN_CREATED, new_state="ACTIVE", actor="timer")

    table = await montage("events", "welcome")

    lines = [line.split()[3:] for line in table.stdout.splitlines()[1:]]
    assert lines == [
        ["run_paused", "-", "-", "active", "→", "paused", "client/dev"],
        ["run_created", "-", "-", "active", "timer"],
    ]


async def test_describe_tells_inputs_config_attempts_and_the_last_lines_of_the_tool(
    montage: Montage, service: FakeService
) -> None:
    service.faults.failing_node = "voice"
    await montage("run", "welcome.yaml")
    service.nodes["pipelines/welcome"][1].config.update({"text": "one\ntwo", "provider": "local", "stability": 1})

    ended = await montage("describe", "welcome/voice")
    as_json = await montage("describe", "welcome/voice", "-o", "json")

    facts, inputs, config, attempts, failure = ended.stdout.split("\n\n")
    assert "state      failed" in facts
    assert inputs.splitlines() == ["inputs", "SLOT  NODE  STATE", "in    text  completed"]
    assert config == "config\nprovider: local\nstability: 1\ntext: |-\n  one\n  two"
    assert attempts.splitlines()[0] == "attempts"
    assert attempts.splitlines()[2].split()[:3] == ["1", "failed", "local"]
    assert failure == "failure  ffmpeg_error: FFmpeg ended with 1\n    line 1\n    no such filter\n"
    assert list(as_json.json) == ["node", "inputs", "executions"]
    assert as_json.json["inputs"][0]["name"] == "pipelines/welcome/nodes/text"


async def test_describe_of_a_node_that_never_ran_says_so(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))

    ended = await montage("describe", "welcome/film")

    assert ended.code == 0
    assert ended.stdout.endswith("\n\nnever executed\n")


async def test_types_are_listed_and_shown_with_slots_ranges_and_defaults(montage: Montage) -> None:
    listed = await montage("types")
    shown = await montage("types", "mix-audio")
    as_json = await montage("types", "nodeTypes/mix-audio", "-o", "json")
    as_names = await montage("types", "-o", "name")

    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [["asset", "what"], ["mix-audio", "video"]]
    facts, slots, fields = shown.stdout.rstrip("\n").split("\n\n")
    assert "time      at most 16 min from start to close" in facts
    assert slots.splitlines() == [
        "SLOT   TAKES         NODES   MEANING",
        "audio  audio, video  1 to 8  The tracks.",
        "logo   image         0 or 1  A mark.",
    ]
    assert fields.splitlines() == [
        "FIELD        KIND     DEFAULT   ALLOWED     MEANING",
        "provider     string   required  ffmpeg      Who does the work.",
        "audioVolume  number   1         0 to 2      Loudness.",
        "fast         boolean  false     any         Hurries.",
        "cropTop      integer  none      at least 0  Cut off.",
    ]
    assert as_json.json["name"] == "nodeTypes/mix-audio"
    assert as_names.stdout == "nodeTypes/asset\nnodeTypes/mix-audio\n"


async def test_types_of_an_unknown_name_say_what_may_have_been_meant(montage: Montage) -> None:
    near = await montage("types", "mix-audoi")
    far = await montage("types", "Not a type!")

    assert (near.code, near.stderr) == (3, "error: no node type 'mix-audoi'; did you mean 'mix-audio'?\n")
    assert (far.code, far.stderr) == (3, "error: no node type 'Not a type!'; there are asset, mix-audio\n")


async def test_list_and_get_write_yaml_and_names(montage: Montage, service: FakeService) -> None:
    name = service.given_pipeline("welcome", ("text", "asset", ()), ("film", "noop", ("text",)))
    service.nodes[name][1].config.update({"seconds": 2, "nonce": "1", "provider": "local"})

    names = await montage("list", "-o", "name")
    nodes = await montage("get", "welcome", "-o", "name")
    node = await montage("get", "welcome/film", "-o", "yaml")

    assert names.stdout == "pipelines/welcome\n"
    assert nodes.stdout == "pipelines/welcome/nodes/text\npipelines/welcome/nodes/film\n"
    assert node.stdout == (
        "name: pipelines/welcome/nodes/film\n"
        "type: noop\n"
        "inputs:\n"
        "  - slot: in\n"
        "    nodes:\n"
        "      - pipelines/welcome/nodes/text\n"
        "config:\n"
        "  provider: local\n"
        '  nonce: "1"\n'
        "  seconds: 2\n"
        "state: NODE_STATE_PENDING\n"
    )


async def test_history_of_nothing_is_refused(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome")

    for arguments in (("executions", "none"), ("runs", "none"), ("events", "none")):
        ended = await montage(*arguments)
        assert (ended.code, ended.stderr.splitlines()[0]) == (3, "error: no pipeline pipelines/none")
    for command in ("executions", "describe"):
        ended = await montage(command, "welcome/none")
        assert (ended.code, ended.stderr.splitlines()[0]) == (3, "error: no node pipelines/welcome/nodes/none")


async def test_every_answer_has_yaml_and_names(montage: Montage) -> None:
    imported = await montage("import", "welcome.yaml", "-o", "name")
    run = await montage("run", "welcome", "--wait", "-o", "name")
    described = await montage("describe", "welcome/film", "-o", "yaml")
    events = await montage("events", "welcome", "--after", "6", "-o", "yaml")
    downloaded = await montage("download", "welcome", "-o", "name")

    assert imported.stdout == "pipelines/welcome\n"
    assert run.stdout == f"{RUN}\n"
    assert described.stdout.startswith("node:\n  name: pipelines/welcome/nodes/film\n")
    assert events.stdout.count("---\nsequence: ") == 2
    assert downloaded.stdout == "out/film.mp4\n"


async def test_reader_that_goes_away_ends_a_list_without_noise(montage: Montage, service: FakeService) -> None:
    name = service.given_pipeline("welcome")
    # More than a pipe holds.
    for _ in range(600):
        await service.add_event(name, resources.EVENT_TYPE_NODE_UPDATED, message="x" * 200)
    command = '"$0" -m montage_cli events welcome -o json | head -n 1; exit "${PIPESTATUS[0]}"'

    process = await asyncio.create_subprocess_exec(
        "bash", "-c", command, sys.executable,
        cwd=montage.folder, env=montage.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    ended = await montage.end_of(process)

    assert json.loads(ended.stdout)["sequence"] == "1"
    assert (ended.code, ended.stderr) == (0, "")
