"""Results of functions, their progress, and webhooks, from HTTPS to what clients see: the real gateway and service."""

import asyncio
import hmac
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from montage.v1 import execution_service_pb2, pipeline_service_pb2, resources_pb2, webhook_service_pb2
from montage.v1 import webhook_service_pb2_grpc as webhooks_grpc

from devstack.stack import Stack, StackOptions
from tests.integration.pipeline.grpc_client import Client, open_channel
from tests.patience import PATIENCE_S

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "gateway")
SECRET = "the secret of github"


@asynccontextmanager
async def a_stack(folder: Path) -> AsyncIterator[Stack]:
    """Without executors: the test is the worker that hands the work to somebody outside."""
    secret = folder / "github"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    settings = {"pipeline": {"PIPELINE_WEBHOOK_GITHUB_SECRET_FILE": str(secret)}}
    async with Stack(StackOptions(processes=PROCESSES, settings=settings)) as stack:
        yield stack


async def begin(client: Client, worker: Client) -> Any:
    """Import and run a pipeline with one function, and claim its execution."""
    function: Any = {"id": "f", "type": "invoke-lambda", "config": {"functionName": "analyse", "kind": "tooling-job"}}
    request = pipeline_service_pb2.ImportPipelineRequest()
    request.document.update({"id": "film", "title": "Film", "nodes": [function]})
    await client.pipelines.ImportPipeline(request)
    await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name="pipelines/film"))
    execution = (await client.node("film", "f")).execution.rpartition("/")[2]
    start = execution_service_pb2.StartExecutionRequest(execution_id=execution, claim=str(uuid4()), dispatch_no=1_000)
    return await worker.executions.StartExecution(start)


async def test_function_tells_progress_and_result_and_platform_an_event(tmp_path: Path) -> None:
    async with (
        a_stack(tmp_path) as stack,
        open_channel(stack, "client-dev") as channel,
        open_channel(stack, "executor") as workers,
        httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(stack.layout.ca_cert))) as http,
        asyncio.timeout(PATIENCE_S),
    ):
        client = Client(channel)
        started = await begin(client, Client(workers))
        watch = client.pipelines.WatchPipeline(pipeline_service_pb2.WatchPipelineRequest(name="pipelines/film"))
        await watch.read()

        progress = await http.post(started.progress_url, json={"current": 3, "total": 4, "message": "looking"})
        shown = (await watch.read()).progress.progress
        ended = await http.post(started.progress_url.replace("/spi/progress", "/spi/ai_analysis"), json={})
        result = {"status": "completed", "output": ["token=abc", "x" * 200_000], "metadata": {"lines": 150}}
        answers = [await http.patch(started.callback_url, json={"tooling_job": result}) for _ in range(2)]
        watch.cancel()

        assert (progress.status_code, shown.stage, shown.fraction) == (200, "looking", 0.75)
        assert ended.status_code == 401
        assert [(one.status_code, one.json()) for one in answers] == [(200, {"status": "ok"})] * 2
        node = await client.node("film", "f")
        assert node.state == resources_pb2.NODE_STATE_COMPLETED
        assert node.output.s3_key == f"{started.key_prefix}{node.output.sha256}.json"
        assert node.output.size_bytes == len(b'{"output":["token=***",""],"metadata":{"lines":150}}') + 200_000

        body = b'{"ref":"refs/heads/main"}'
        headers = {"X-GitHub-Delivery": "d1", "X-GitHub-Event": "push"}
        signed = headers | {"X-Hub-Signature-256": f"sha256={hmac.digest(SECRET.encode(), body, 'sha256').hex()}"}
        address = f"{stack.addresses.gateway_url}/spi/webhooks/github"
        told = [(await http.post(address, content=body, headers=one)).status_code for one in (signed, signed, headers)]
        unset = await http.post(address.replace("github", "discourse"), content=body, headers=signed)
        service = webhooks_grpc.WebhookServiceStub(channel)
        listed = await service.ListWebhookEvents(webhook_service_pb2.ListWebhookEventsRequest())

        assert (told, unset.status_code) == ([200, 200, 401], 404)
        assert [(one.source, one.delivery_id, one.event_type) for one in listed.webhook_events] == [
            ("github", "d1", "push")
        ]
