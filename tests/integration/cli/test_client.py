"""The client against a real gRPC server over mutual TLS."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from montage.v1 import resources_pb2 as resources

from montage_cli.client import MontageClient
from montage_cli.connection import Connection
from montage_cli.errors import ExitCode, MontageError, Status
from tests.fakes.certificates import CertificateAuthority
from tests.integration.cli.conftest import QUICK
from tests.integration.cli.fake_service import FakeService
from tests.patience import PATIENCE_S

UNAVAILABLE, CANCELLED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED


async def sequences(client: MontageClient, name: str, *, count: int, after: int | None) -> list[int]:
    """Sequence numbers of the first `count` events that a watch shows."""
    found: list[int] = []
    async with contextlib.aclosing(client.watch(name, after_sequence=after)) as updates:
        async for update in updates:
            if update.HasField("event"):
                found.append(update.event.sequence)
            if len(found) == count:
                return found
    raise AssertionError("a watch ended by itself")


async def test_lists_are_read_page_by_page(client: MontageClient, service: FakeService) -> None:
    for number in range(5):
        service.given_pipeline(f"p{number}")

    found = [pipeline.name async for pipeline in client.list_pipelines()]

    assert found == [f"pipelines/p{number}" for number in range(5)]
    assert service.calls["ListPipelines"] == 3


async def test_safe_call_is_repeated_while_the_service_restarts(client: MontageClient, service: FakeService) -> None:
    name = service.given_pipeline("welcome")
    service.faults.answers["GetPipeline"] = [UNAVAILABLE, CANCELLED, UNAVAILABLE]

    pipeline = await client.get_pipeline(name)

    assert pipeline.name == name
    assert service.calls["GetPipeline"] == 4


@pytest.mark.parametrize("force", [False, True])
async def test_run_is_repeated_under_one_request_id(client: MontageClient, service: FakeService, force: bool) -> None:
    name = service.given_pipeline("welcome", ("voice", "noop", ()))
    service.faults.answers["RunPipeline"] = [UNAVAILABLE]

    run = await client.run(name, force=force)
    await client.run(name, force=force)

    assert run.name.startswith(f"{name}/runs/")
    assert service.calls["RunPipeline"] == 3
    first, again, other = (request.request_id for request in service.run_requests)
    assert first == again != other


async def test_refusal_carries_reason_and_message(client: MontageClient) -> None:
    with pytest.raises(MontageError) as caught:
        await client.get_pipeline("pipelines/none")

    error = caught.value
    assert (error.status, error.reason, error.message) == (
        Status.NOT_FOUND,
        "PIPELINE_NOT_FOUND",
        "no pipeline pipelines/none",
    )
    assert error.exit_code is ExitCode.REFUSED


async def test_refused_document_carries_all_violations(client: MontageClient, service: FakeService) -> None:
    service.violations = [("nodes[0].type", "unknown node type 'x'"), ("title", "expected text")]
    service.omitted_violations = 7

    with pytest.raises(MontageError) as caught:
        await client.import_pipeline({"id": "a", "nodes": []})

    assert [(one.field, one.description) for one in caught.value.violations] == service.violations
    assert caught.value.omitted_violations == 7


async def test_call_that_is_not_answered_ends_by_its_deadline(client: MontageClient, service: FakeService) -> None:
    name = service.given_pipeline("welcome")
    service.faults.hanging.add("GetPipeline")

    with pytest.raises(MontageError, match="did not answer in time"):
        await client.get_pipeline(name)


async def test_cancelling_a_call_is_not_repeated(client: MontageClient, service: FakeService) -> None:
    name = service.given_pipeline("welcome")
    service.faults.silent_watches = 1
    task = asyncio.create_task(sequences(client, name, count=1, after=0))
    async with asyncio.timeout(PATIENCE_S):
        while not service.watches:  # noqa: ASYNC110 # the fake has nothing to wait for
            await asyncio.sleep(0.01)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(service.watches) == 1


async def test_nobody_there_is_told_soon_and_with_the_address(connection: Connection) -> None:
    nowhere = replace(connection, address="127.0.0.1:1")
    async with MontageClient(nowhere, options=QUICK) as client:
        with pytest.raises(
            MontageError, match=r"cannot reach the service at 127\.0\.0\.1:1 \(from the test\)"
        ) as caught:
            await client.get_pipeline("pipelines/welcome")

    assert caught.value.exit_code is ExitCode.UNREACHABLE


async def test_certificate_of_another_authority_is_not_admitted(connection: Connection, tmp_path: Path) -> None:
    stranger = CertificateAuthority().issue_files(tmp_path / "strange", "client", "spiffe://montage/client/dev")
    strange = replace(connection, client_cert=stranger.cert, client_key=stranger.key)
    async with MontageClient(strange, options=QUICK) as client:
        with pytest.raises(MontageError) as caught:
            await client.get_pipeline("pipelines/welcome")

    assert caught.value.exit_code is ExitCode.UNREACHABLE


async def test_service_of_another_authority_is_not_trusted(connection: Connection, tmp_path: Path) -> None:
    stranger = CertificateAuthority().issue_files(tmp_path / "strange", "client", "spiffe://montage/client/dev")
    async with MontageClient(replace(connection, ca_cert=stranger.ca), options=QUICK) as client:
        with pytest.raises(MontageError) as caught:
            await client.get_pipeline("pipelines/welcome")

    assert caught.value.exit_code is ExitCode.UNREACHABLE


async def test_watch_begins_with_a_whole_snapshot(client: MontageClient, service: FakeService) -> None:
    name = service.given_pipeline("welcome", ("a", "noop", ()), ("b", "noop", ()))
    service.faults.break_watch_after = [1, 1]
    pages = []

    async with contextlib.aclosing(client.watch(name)) as updates:
        async for update in updates:
            pages.append([node.name.rpartition("/")[2] for node in update.snapshot.nodes])
            if update.snapshot.complete:
                break

    assert pages == [["a"], ["b"]]
    assert service.watches == [None, None, None]


async def test_watch_broken_streams_are_resumed_without_gap_or_repeat(
    client: MontageClient, service: FakeService
) -> None:
    name = service.given_pipeline("welcome")
    for _ in range(9):
        await service.add_event(name, resources.EVENT_TYPE_NODE_UPDATED)
    service.faults.break_watch_after = [2, 0, 3]
    service.faults.repeat_events = True

    found = await sequences(client, name, count=9, after=0)

    assert found == list(range(1, 10))
    assert service.watches == [0, 2, 2, 4]


async def test_watch_gap_is_closed_by_asking_again(client: MontageClient, service: FakeService) -> None:
    name = service.given_pipeline("welcome")
    for _ in range(4):
        await service.add_event(name, resources.EVENT_TYPE_NODE_UPDATED)
    service.faults.skip_event_once = 3

    found = await sequences(client, name, count=4, after=0)

    assert found == [1, 2, 3, 4]
    assert service.watches == [0, 2]


async def test_watch_silent_stream_is_replaced(client: MontageClient, service: FakeService) -> None:
    name = service.given_pipeline("welcome")
    await service.add_event(name, resources.EVENT_TYPE_NODE_UPDATED)
    service.faults.silent_watches = 1

    assert await sequences(client, name, count=1, after=0) == [1]
    assert service.watches == [0, 0]


async def test_watch_of_nothing_is_refused(client: MontageClient) -> None:
    with pytest.raises(MontageError, match="no pipeline pipelines/none"):
        await sequences(client, "pipelines/none", count=1, after=0)


async def test_watch_gives_up_when_nobody_comes_back(connection: Connection) -> None:
    hasty = replace(QUICK, watch_patience_s=0.5)
    async with MontageClient(replace(connection, address="127.0.0.1:1"), options=hasty) as client:
        with pytest.raises(MontageError) as caught:
            await sequences(client, "pipelines/welcome", count=1, after=0)

    assert caught.value.status is Status.UNAVAILABLE
