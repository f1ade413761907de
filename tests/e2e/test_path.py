"""From a document to a film, through every process, and what becomes of bad input on the way."""

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from montage.v1 import resources_pb2 as resources

from devstack.layout import repository_root
from devstack.stack import StackOptions
from tests.e2e.documents import LAMBDA_NODES, LOCAL_NODES, a_film, a_merge
from tests.e2e.house import (
    House,
    Row,
    decisions_of,
    new_id,
    node_state,
    open_house,
    pipeline_of,
    state_of,
    until,
    write_document,
)
from tests.e2e.processes import ENCODING, below, parent_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, kw_only=True)
class Made:
    """The film of this module, made once."""

    run: resources.Run
    executions: dict[str, Row]
    callbacks: dict[str, float]
    """During the run, by disposition."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command line that ended."""

    code: int
    out: str
    err: str


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    async with open_house(StackOptions()) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="made")
async def _made(house: House) -> Made:
    run = await house.run(a_film("film"))
    return Made(
        run=run,
        executions={row.node: row for row in await house.executions(run)},
        callbacks={word: await house.callbacks(disposition=word) for word in ("", "APPLIED", "DUPLICATE", "LOST")},
    )


async def montage(house: House, *arguments: str) -> Ended:
    """The real command line, as a process."""
    root = repository_root()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(root), str(root / "protos" / "gen"))),
        **house.stack.env_for_client(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "montage_cli", *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode is not None
    return Ended(code=process.returncode, out=out.decode(), err=err.decode())


async def test_run_executes_each_node_once_with_its_artifact_below_its_own_prefix(house: House, made: Made) -> None:
    assert state_of(made.run) == "SUCCEEDED"
    assert sorted(made.executions) == sorted([*LOCAL_NODES, *LAMBDA_NODES])
    assert len(await house.executions(made.run)) == len(made.executions)
    uids = {name: node.uid for name, node in (await house.nodes(made.run)).items()}
    pipeline = await house.client.get_pipeline(pipeline_of(made.run))
    for node, row in made.executions.items():
        assert (row.state, row.attempt) == ("SUCCEEDED", 1)
        assert row.s3_key is not None
        prefix = f"pipelines/{pipeline.uid}/nodes/{uids[node]}/executions/{row.id}/"
        assert re.fullmatch(re.escape(prefix) + r"[0-9a-f-]{36}/output\.(mp4|m4a)", row.s3_key)
        stored = await house.store.head(row.s3_key)
        assert stored is not None
        assert stored.sha256 == row.sha256
    await house.assert_recorded_once(made.run)


async def test_downloaded_film_is_the_artifact_of_the_last_node(house: House, made: Made, tmp_path: Path) -> None:
    file = await house.client.download(f"{pipeline_of(made.run)}/nodes/film", tmp_path / "film.mp4")

    content = file.read_bytes()
    assert hashlib.sha256(content).hexdigest() == made.executions["film"].sha256
    node = (await house.nodes(made.run))["film"]
    assert node.output.s3_key == made.executions["film"].s3_key
    assert node.output.size_bytes == len(content)
    facts = node.output.media
    assert (facts.video_codec, facts.audio_codec, facts.width, facts.height) == ("h264", "aac", 720, 720)


async def test_every_lambda_node_was_completed_by_one_callback_through_the_gateway(house: House, made: Made) -> None:
    assert made.callbacks == {"": 0, "APPLIED": len(LAMBDA_NODES), "DUPLICATE": 0, "LOST": 0}
    accepted = {entry["execution_id"] for entry in house.log("gateway", "callback_accepted")}
    assert accepted >= {made.executions[node].id for node in LAMBDA_NODES}
    for node in LAMBDA_NODES:
        assert await house.events(made.run, node) == [
            "EXECUTION_QUEUED",
            "EXECUTION_STARTED",
            "EXECUTION_WAITING",
            "EXECUTION_SUCCEEDED",
        ]
        assert house.jobs_of(made.executions[node]) == 1


async def test_handler_is_a_child_of_the_lambda_endpoint_and_runs_ffmpeg(house: House) -> None:
    endpoint = house.stack.process("lambda").pid
    run = await house.begin(a_merge(new_id("children")))

    async def encoders() -> list[int]:
        return below(endpoint, running=ENCODING)

    encoder = (await until(encoders, within_s=40, is_brief=True))[0]
    handler = parent_of(encoder)
    grandparent = parent_of(handler)
    ended = await house.end_of(run)

    assert grandparent == endpoint
    assert handler in [entry["pid"] for entry in house.log("lambda", "worker_started")]
    assert state_of(ended) == "SUCCEEDED"


async def test_second_run_of_the_same_document_executes_nothing(house: House, made: Made) -> None:
    again = await house.run(a_film("film"))

    assert state_of(again) == "SUCCEEDED"
    assert set(decisions_of(again).values()) == {"REUSED"}
    assert {row.id for row in await house.executions(again)} == {row.id for row in made.executions.values()}


async def test_edit_of_one_node_runs_it_and_what_depends_on_it(house: House) -> None:
    document = a_film(new_id("edited"))
    first = await house.run(document)
    edited = a_film(document["id"], joined={"config": {"provider": "ffmpeg", "transition": "fade"}})

    second = await house.run(edited)

    assert (state_of(first), state_of(second)) == ("SUCCEEDED", "SUCCEEDED")
    decisions = decisions_of(second)
    made_anew = {"joined", "spoken", "film"}
    assert {node for node, decision in decisions.items() if decision == "DONE"} == made_anew
    assert {decision for node, decision in decisions.items() if node not in made_anew} == {"REUSED"}
    executed = [row.node for row in await house.executions(second)]
    assert {node: executed.count(node) for node in executed} == {
        "voice": 1, "dawn": 1, "dusk": 1, "joined": 2, "spoken": 2, "film": 2,
    }  # fmt: skip
    await house.assert_recorded_once(second)


async def test_title_of_a_node_that_does_not_speak_it_makes_nothing_stale(house: House, made: Made) -> None:
    renamed = await house.run(a_film("film", joined={"title": "Two of them"}))

    assert set(decisions_of(renamed).values()) == {"REUSED"}


async def test_failing_ffmpeg_step_fails_its_node_in_words_and_the_rest_finishes(
    house: House, made: Made, tmp_path: Path
) -> None:
    document = a_film(
        new_id("broken"),
        garbage={"type": "asset", "asset": {"type": "video", "source": "garbage.mp4"}},
        joined={"inputs": {"segments": ["dawn", "garbage"]}},
        other={"type": "merge-videos", "inputs": {"segments": ["dawn", "dusk"]}, "config": {"provider": "ffmpeg"}},
    )
    head = await house.client.download(f"{pipeline_of(made.run)}/nodes/dawn", tmp_path / "dawn.mp4")
    # It begins as a film does, so that only FFmpeg can find out.
    (tmp_path / "garbage.mp4").write_bytes(head.read_bytes()[:64] + bytes(range(256)) * 64)
    file = write_document(tmp_path / "broken.json", document)

    ended = await montage(house, "run", str(file), "--out", str(tmp_path / "out"))

    assert ended.code == 1, ended.err
    nodes = {
        node.name.rpartition("/")[2]: node async for node in house.client.list_nodes(f"pipelines/{document['id']}")
    }
    states = {name: node_state(node) for name, node in nodes.items()}
    assert states == {
        "script": "COMPLETED", "garbage": "COMPLETED", "voice": "COMPLETED", "dawn": "COMPLETED",
        "dusk": "COMPLETED", "other": "COMPLETED", "joined": "FAILED", "spoken": "PENDING", "film": "PENDING",
    }  # fmt: skip
    failure = nodes["joined"].failure
    assert failure.error_type == "ffmpeg_error"
    assert len(failure.message.split()) >= 4
    assert failure.details.strip()
    # Who wrote the document knows nodes, not objects.
    assert re.sub(r"\(s3://[^)]+\)", "(node 'garbage')", failure.message) in ended.err
    assert failure.details.strip().splitlines()[-1].strip() in ended.err
    assert (tmp_path / "out" / "other.mp4").is_file()


BAD = """\
id: {id}
title: Everything wrong
nodes:
  - id: a
    type: generate-voiceovre
    config: {{provider: local}}
  - id: b
    type: mix-audio
    inputs: {{vidio: [c]}}
    config: {{provider: ffmpeg, audioVolume: loud}}
  - id: c
    type: compose-video
    inputs: {{background: [d, d], overlay: [nobody]}}
    config: {{provider: heygen, rounded: true}}
  - id: d
    type: merge-videos
    inputs: {{segments: [e, e]}}
    config: {{provider: ffmpeg}}
  - id: e
    type: merge-videos
    inputs: {{segments: [d, d]}}
    config: {{provider: ffmpeg}}
  - id: f
    type: asset
    asset: {{type: video, source: missing.mp4}}
"""
EXPECTED = {
    "unknown type": r"nodes\[0\]\.type, line 5: .*did you mean .?generate-voiceover",
    "unknown slot": r"nodes\[1\]\.inputs\.vidio, line 9: ",
    "required input": r"nodes\[1\]\.inputs[^:]*, line 9: .*audio",
    "wrong value": r"nodes\[1\]\.config\.audioVolume, line 10: ",
    "single slot": r"nodes\[2\]\.inputs\.background[^:]*, line 13: ",
    "missing node": r"nodes\[2\]\.inputs\.overlay[^:]*, line 13: .*nobody",
    "vendor": r"nodes\[2\]\.config\.provider, line 14: .*ffmpeg",
    "missing file": r"nodes\[5\]\.asset\.source, line 25: .*missing\.mp4",
    "cycle": r"line 1[79]|line 2[01]",
}


async def test_bad_document_is_refused_with_all_problems_and_their_lines(house: House, tmp_path: Path) -> None:
    name = new_id("bad")
    file = tmp_path / "bad.yaml"
    file.write_text(BAD.format(id=name))

    ended = await montage(house, "run", str(file), "--out", str(tmp_path / "out"))

    assert ended.code == 3, ended.err
    for problem, pattern in EXPECTED.items():
        assert re.search(pattern, ended.err), f"{problem} is not told of:\n{ended.err}"
    assert "nothing was created" in ended.err
    assert not (tmp_path / "out").exists()
    listed = json.loads((await montage(house, "list", "-o", "json")).out)
    assert f"pipelines/{name}" not in [pipeline["name"] for pipeline in listed["pipelines"]]


@pytest.mark.parametrize(
    ("text", "line"),
    [("id: x\nnodes:\n  - id: a\n   type: asset\n", 4), ("id: x\nid: y\nnodes: []\n", 2), ("nodes: [a, {\n", 2)],
    ids=["bad indentation", "key twice", "cut off"],
)
async def test_broken_yaml_is_refused_with_its_line(house: House, tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)

    ended = await montage(house, "run", str(file))

    assert ended.code == 3, ended.err
    assert f"line {line}" in ended.err
