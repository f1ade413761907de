"""Makes the welcome film as bin/demo does: a whole stack, and the command line client run against it."""

import asyncio
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from montage.v1.resources_pb2 import Execution, Node

from devstack.layout import BUCKET, REGION
from devstack.process_table import base_environment
from devstack.stack import Stack, StackOptions
from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from montage_cli.running import file_name
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from tests.stacks import running_stack

WELCOME = Path(__file__).parents[2] / "examples" / "welcome" / "pipeline.yaml"
PIPELINE = "pipelines/welcome"
RUN_TIMEOUT_S = 180
_LARGEST_FILM_BYTES = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Made:
    """A run of the document, and every artifact of it as a file."""

    delivered: list[Path]
    """What the client downloaded by itself."""
    nodes: dict[str, Node]
    executions: list[Execution]
    artifacts: dict[str, Path]
    """A file for each node."""
    stored_sha256: str
    """Of the bytes that the store holds under the key of the execution that ended last."""
    manifest: dict[str, Any]
    """What the media function left beside them."""
    scrapes: tuple[str, ...]
    """What the services export, when the run is over."""
    spans: Path
    """What every process told of its part, as lines of OTLP; whole, since services tell the last when they stop."""

    @property
    def last(self) -> Execution:
        """The execution that ended last."""
        return last_of(self.executions)


def make_film(folder: Path) -> Made:
    """Run the document in a fresh stack; `folder` keeps the files. Takes about 45 s on two cores.

    Raises AssertionError with what the client said when it ended with another code than 0.
    """
    spans = folder / "spans.jsonl"
    with running_stack(StackOptions(settings=followed(spans))) as stack:
        command = [sys.executable, "-P", "-m", "montage_cli", "run", str(WELCOME), "--wait", "--summary"]
        client = subprocess.run(
            [*command, "--out", str(folder / "out")],
            env=base_environment(stack.layout) | stack.env_for_client() | {"MONTAGE_OTLP_ENDPOINT": f"file://{spans}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        assert client.returncode == 0, f"the client ended with {client.returncode}:\n{client.stdout}"
        return asyncio.run(_collect(stack, folder, spans))


def followed(spans: Path) -> dict[str, dict[str, str]]:
    """Settings with which every process of a stack tells its spans to one file."""
    programs = ("pipeline", "executor", "gateway", "media")
    return {name: {f"{name.upper()}_OTLP_ENDPOINT": f"file://{spans}"} for name in programs}


def last_of(executions: list[Execution]) -> Execution:
    return max(executions, key=lambda execution: execution.end_time.ToNanoseconds())


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def _collect(stack: Stack, folder: Path, spans: Path) -> Made:
    connection = find_connection(stack.env_for_client(), folder=stack.data, repository=stack.data)
    async with MontageClient(connection) as montage:
        nodes = {node.name.rpartition("/")[2]: node async for node in montage.list_nodes(PIPELINE)}
        executions = [execution async for execution in montage.list_executions(f"{PIPELINE}/nodes/-")]
        artifacts = {
            node_id: await montage.download(node.name, folder / "artifacts" / file_name(node))
            for node_id, node in nodes.items()
        }
    stored, manifest = await _read_store(stack, last_of(executions).output.s3_key)
    return Made(
        delivered=sorted((folder / "out").iterdir()),
        nodes=nodes,
        executions=executions,
        artifacts=artifacts,
        stored_sha256=hashlib.sha256(stored).hexdigest(),
        manifest=manifest,
        scrapes=await _scrape(stack),
        spans=spans,
    )


async def _scrape(stack: Stack) -> tuple[str, ...]:
    ports = stack.addresses.ports
    async with httpx.AsyncClient(trust_env=False) as http:
        return tuple(
            [
                (await http.get(f"http://127.0.0.1:{port}/metrics")).text
                for port in (ports.pipeline_ops, ports.executor_ops, ports.gateway_ops)
            ]
        )


async def _read_store(stack: Stack, key: str) -> tuple[bytes, dict[str, Any]]:
    """The object itself and the manifest beside it, with an operator's keys."""
    store = ObjectStore(
        StoreAddress(
            bucket=BUCKET,
            region=REGION,
            endpoint=stack.addresses.s3_endpoint,
            access_key_file=stack.layout.s3_access_key("operator"),
            secret_key_file=stack.layout.s3_secret_key("operator"),
        )
    )
    try:
        manifest_key = f"{key.rpartition('/')[0]}/result.json"
        return (
            await store.get_bytes(key, limit=_LARGEST_FILM_BYTES),
            json.loads(await store.get_bytes(manifest_key, limit=1_000_000)),
        )
    finally:
        await store.close()
