"""What is told when something is refused: words and a hint for people, JSON for programs."""

import json

from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.process import Montage


async def test_wrong_name_is_told_with_the_one_that_may_have_been_meant(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("voice", "noop", ()))

    pipeline = await montage("get", "welcom")
    node = await montage("describe", "welcome/voise")
    far = await montage("events", "zebra")

    assert pipeline.stderr == "error: no pipeline pipelines/welcom\nhint: did you mean 'welcome'?\n"
    assert node.stderr == "error: no node pipelines/welcome/nodes/voise\nhint: did you mean 'welcome/voice'?\n"
    assert far.stderr == ("error: no pipeline pipelines/zebra\nhint: 'montage list' shows the pipelines that you see\n")


async def test_refusal_as_json_is_one_line_on_stdout(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome")

    ended = await montage("watch", "welcom", "-o", "json")

    assert (ended.code, ended.stderr) == (3, "")
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [
        {
            "error": {
                "message": "no pipeline pipelines/welcom",
                "status": "NOT_FOUND",
                "reason": "PIPELINE_NOT_FOUND",
                "resource": "pipelines/welcom",
                "hint": "did you mean 'welcome'?",
            }
        }
    ]


async def test_refusal_as_yaml_is_yaml(montage: Montage) -> None:
    ended = await montage("get", "none", "-o", "yaml")

    assert (ended.code, ended.stderr) == (3, "")
    assert ended.stdout.startswith("---\nerror:\n  message: no pipeline pipelines/none\n  status: NOT_FOUND\n")


async def test_bad_document_as_json_lists_its_problems_with_lines(montage: Montage, service: FakeService) -> None:
    service.violations = [("nodes[1].type", "unknown node type")]

    ended = await montage("import", "welcome.yaml", "-o", "json")

    assert (ended.code, ended.stderr) == (3, "")
    assert ended.json["error"]["reason"] == "INVALID_DOCUMENT"
    assert ended.json["problems"] == [
        {"place": "nodes[1].type", "line": 7, "column": None, "message": "unknown node type"}
    ]


async def test_nobody_there_as_json_has_status_and_hint_and_exits_4(montage: Montage) -> None:
    ended = await montage("--address", "127.0.0.1:1", "list", "-o", "json")

    assert (ended.code, ended.stderr) == (4, "")
    assert ended.json["error"]["status"] == "UNAVAILABLE"
    assert ended.json["error"]["hint"] == "'montage doctor' tells what it sees"
