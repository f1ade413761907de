"""What a function of a user's own does with the addresses it was given, at a real store."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from executor_service.executors.invoke_lambda import function_event
from executor_service.task import MediaType
from pipeline_service.commands.reconcile import read_manifest
from pipeline_service.domain.engine.reports import Complete
from pipeline_service.domain.ids import Claim, ExecutionId
from servicekit.object_store import ObjectStore
from tests.unit.executor.builders import EXECUTION, a_context, a_task, an_artifact, an_input


async def test_result_and_manifest_are_written_once_and_read_as_a_completion(
    store: ObjectStore, folder: Path, prefix: str
) -> None:
    """The way of a function that cannot call back."""
    await store.put_bytes(f"{prefix}script.txt", b"Hello", content_type="text/plain")
    source = replace(an_artifact(f"{prefix}script.txt", type=MediaType.TEXT), content_type="text/plain")
    task = a_task("invoke-lambda", config={"functionName": "f"}, inputs=(an_input("any", source),))
    event = json.loads(json.dumps(function_event(task, a_context(folder, key_prefix=f"{prefix}claim/"), store)))

    async with httpx.AsyncClient(trust_env=False) as function:
        script = await function.get(event["inputs"][0]["url"])
        output, manifest = event["output"], event["manifest"]
        written = await function.put(output["url"], headers=output["headers"], content=b'{"a": 1}')
        again = await function.put(output["url"], headers=output["headers"], content=b"other")
        unguarded = await function.put(output["url"], content=b"other")
        facts = {"s3_key": output["s3_key"], "size": 8, "content_type": "application/json"}
        report = {"process_uuid": event["process_uuid"], "result": facts}
        told = await function.put(manifest["url"], headers=manifest["headers"], content=json.dumps(report).encode())

    assert script.text == "Hello"
    assert (written.status_code, again.status_code, unguarded.status_code, told.status_code) == (200, 412, 403, 200)
    found = json.loads(await store.get_bytes(f"{prefix}claim/result.json", limit=10_000))
    read = read_manifest(found, execution_id=ExecutionId(UUID(EXECUTION)), claim=Claim(uuid4()))
    assert isinstance(read, Complete)
    assert (read.output.type, read.output.s3_key) == ("json", f"{prefix}claim/output.json")
