"""What a function that is not ours is told, and which functions an operator may list."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from executor_service.executors.invoke_lambda import InvokeLambda, function_event
from executor_service.integrations.function_map import load_functions
from executor_service.task import Config, ErrorType, GiveUp, MediaType
from servicekit.config import ConfigError
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from tests.unit.executor.builders import (
    CALLBACK_URL,
    EXECUTION,
    KEY_PREFIX,
    NODE_UID,
    a_context,
    a_task,
    an_artifact,
    an_input,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:count-words"
ROLE = "arn:aws:iam::123456789012:role/invoke"
SECRET = "the-secret-key"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """Signs, and never connects."""
    for name, value in (("access", "AKIATEST"), ("secret", SECRET)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(value)
    keys = {"access_key_file": tmp_path / "access", "secret_key_file": tmp_path / "secret"}
    store = ObjectStore(StoreAddress(bucket="montage", region="eu-west-1", endpoint="https://s3.test", **keys))
    yield store
    await store.close()


def event_of(store: ObjectStore, folder: Path, config: Config | None = None) -> dict[str, Any]:
    small = replace(an_artifact(type=MediaType.TEXT), s3_key="", content="Hello", content_type="text/plain")
    inputs = (an_input("any", small), an_input("any", an_artifact("a/film.mp4"), position=1))
    task = a_task("invoke-lambda", provider="", config={"functionName": "f", **(config or {})}, inputs=inputs)
    return dict(function_event(task, a_context(folder), store))


def lifetime_s(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])


async def test_function_gets_its_payload_below_a_key_of_its_own(store: ObjectStore, tmp_path: Path) -> None:
    payload = {"callback_url": "https://evil.test", "process_uuid": "another"}

    event = event_of(store, tmp_path, {"payload": payload})

    assert event["payload"] == payload
    assert event["callback_url"] == CALLBACK_URL
    assert (event["process_uuid"], event["node_uuid"]) == (EXECUTION, NODE_UID)


async def test_function_gets_addresses_and_no_key_of_ours(store: ObjectStore, tmp_path: Path) -> None:
    event = event_of(store, tmp_path)

    small, film = event["inputs"]
    assert small["content"] == "Hello"
    assert "url" not in small
    assert film["url"].startswith("https://s3.test/montage/a/film.mp4?")
    assert event["output"]["s3_key"] == f"{KEY_PREFIX}output.json"
    assert urlsplit(event["manifest"]["url"]).path == f"/montage/{KEY_PREFIX}result.json"
    assert SECRET not in json.dumps(event)


async def test_what_a_function_writes_is_written_once(store: ObjectStore, tmp_path: Path) -> None:
    event = event_of(store, tmp_path)

    for place in (event["output"], event["manifest"]):
        assert place["headers"] == {"If-None-Match": "*"}
        assert "if-none-match" in parse_qs(urlsplit(place["url"]).query)["X-Amz-SignedHeaders"][0]


@pytest.mark.parametrize(("seconds", "life_s"), [(60, 660), (86_400, 87_000)])
async def test_addresses_outlive_the_time_limit_and_no_more(
    store: ObjectStore, tmp_path: Path, seconds: int, life_s: int
) -> None:
    event = event_of(store, tmp_path, {"timeoutSeconds": seconds})

    urls = [event["output"]["url"], event["manifest"]["url"], event["inputs"][1]["url"]]
    assert [lifetime_s(url) for url in urls] == [life_s] * 3


@pytest.mark.parametrize(
    ("kind", "method"),
    [(None, "POST"), ("tooling-job", "PATCH"), ("test-run", "PATCH"), ("ai-analysis", "POST")],
)
async def test_family_says_by_which_method_it_is_reported(
    store: ObjectStore, tmp_path: Path, kind: str | None, method: str
) -> None:
    event = event_of(store, tmp_path, {"kind": kind})

    assert (event["kind"], event["callback_method"]) == (kind, method)


@pytest.mark.parametrize(("output_type", "name"), [("video", "output.mp4"), ("text", "output.txt")])
async def test_output_ends_as_its_type_does(store: ObjectStore, tmp_path: Path, output_type: str, name: str) -> None:
    event = event_of(store, tmp_path, {"outputType": output_type})

    assert event["output"]["s3_key"] == KEY_PREFIX + name


async def test_function_that_the_operator_does_not_list_is_refused_with_those_that_there_are(
    store: ObjectStore, tmp_path: Path
) -> None:
    executor = InvokeLambda({}, store)

    with pytest.raises(GiveUp, match="has no function 'f'; there are: none") as refused:
        await executor.execute(a_task("invoke-lambda", config={"functionName": "f"}), a_context(tmp_path))

    assert refused.value.failure.error_type is ErrorType.INVALID_INPUT


def a_list(folder: Path, content: object) -> Path:
    path = folder / "functions.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_functions_are_listed_with_role_and_region(tmp_path: Path) -> None:
    listed = {"a": {"arn": ARN, "role": ROLE}, "b": {"arn": f"{ARN}:live", "region": "us-east-1"}}

    functions = load_functions(a_list(tmp_path, listed), own="montage-media")

    assert [(one.region, one.role) for one in functions.values()] == [("eu-west-1", ROLE), ("us-east-1", None)]
    assert load_functions(None, own="montage-media") == {}


@pytest.mark.parametrize("own", ["montage-media", "arn:aws:lambda:eu-west-1:123456789012:function:montage-media:live"])
def test_our_own_function_is_nobodys_to_list(tmp_path: Path, own: str) -> None:
    ours = a_list(tmp_path, {"mine": {"arn": ARN.replace("count-words", "montage-media:7")}})

    with pytest.raises(ConfigError, match="montage-media is our own media function"):
        load_functions(ours, own=own)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot read the functions file"),
        ([], "cannot read the functions file"),
        ({"a": {}}, "arn"),
        ({"a": {"arn": "count-words"}}, "expected the ARN of a Lambda function, found 'count-words'"),
        ({"a": {"arn": ARN, "role": "admin"}}, "a.role: expected the ARN of a role"),
        ({"a": {"arn": ARN, "rool": ROLE}}, "rool"),
        ({"a b": {"arn": ARN}}, "expected a name of letters"),
    ],
)
def test_list_that_cannot_be_used_stops_the_start(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_functions(a_list(tmp_path, content), own="montage-media")
