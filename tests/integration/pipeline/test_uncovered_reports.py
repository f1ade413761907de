"""Reports without a capability, where the operator has them believed."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from montage.v1 import callback_service_pb2 as api
from montage.v1 import resources_pb2

from pipeline_service.capabilities import Capabilities
from pipeline_service.commands.errors import NotFound
from pipeline_service.commands.places import Places
from pipeline_service.domain.engine.reports import Answer
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Disposition
from pipeline_service.store.pool import Pools
from pipeline_service.transport.callbacks import CallbackServicer
from pipeline_service.transport.errors import CapabilityRefused
from pipeline_service.transport.uncovered import Uncovered
from pipeline_service.wire.values import Incomplete
from servicekit.tracing import Tracer
from tests.factories import noop
from tests.integration.pipeline.rig import Rig, running_rig
from tests.unit.gateway.capabilities import KeyPair


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        await rig.import_(noop("a"))
        await rig.run()
        yield rig


def servicer(rig: Rig, *, believes: bool) -> CallbackServicer:
    unused: Any = None
    return CallbackServicer(
        reporter=rig.reporter,
        signals=unused,
        webhooks=unused,
        capabilities=Capabilities(KeyPair.make("k1").issuer(), gateway_url="https://gateway"),
        validator=unused,
        count=lambda _kind, _answer: None,
        tracer=Tracer(),
        uncovered=Uncovered(Places(rig.store)) if believes else None,
    )


async def report(rig: Rig, request: api.ReportExternalRequest, *, believes: bool) -> Answer:
    return await rig.reporter.report(await servicer(rig, believes=believes)._report(request, who="gateway"))


async def running(rig: Rig) -> Execution:
    execution = (await rig.claim("a")).execution
    assert execution is not None
    return execution


def failure(execution: Execution, **changed: Any) -> api.ReportExternalRequest:
    fields: dict[str, Any] = {
        "execution_id": str(execution.id),
        "node_uid": str(execution.node_uid),
        "executor_type": "noop",
        "failure": resources_pb2.Failure(error_type="invalid_input", message="it broke"),
    }
    return api.ReportExternalRequest(**fields | changed)


async def test_by_default_a_report_without_a_capability_is_refused(rig: Rig) -> None:
    with pytest.raises(CapabilityRefused):
        await report(rig, failure(await running(rig)), believes=False)

    assert (await rig.states())["a"] == "IN_PROGRESS"


async def test_failure_counts_for_the_newest_claim(rig: Rig) -> None:
    answer = await report(rig, failure(await running(rig)), believes=True)

    assert answer is Disposition.APPLIED
    assert (await rig.states())["a"] == "FAILED"


async def test_result_counts_for_the_claim_in_whose_folder_it_lies(rig: Rig) -> None:
    execution = await running(rig)
    complete = rig.completion(execution)
    output = resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_JSON, s3_key=complete.output.s3_key, size_bytes=10)
    request = api.ReportExternalRequest(
        execution_id=str(execution.id), node_uid=str(execution.node_uid), executor_type="noop", output=output
    )

    answers = [await report(rig, request, believes=True) for _ in range(2)]

    assert answers == [Disposition.APPLIED, Disposition.DUPLICATE]
    assert (await rig.latest("a")).result_claim == execution.claim


@pytest.mark.parametrize("missing", ["execution_id", "node_uid", "executor_type"])
async def test_every_id_is_required(rig: Rig, missing: str) -> None:
    with pytest.raises(Incomplete, match=missing):
        await report(rig, failure(await running(rig), **{missing: ""}), believes=True)


async def test_ids_that_do_not_belong_together_are_refused(rig: Rig) -> None:
    request = failure(await running(rig), node_uid=str(uuid4()))

    with pytest.raises(Incomplete, match="node_uid"):
        await report(rig, request, believes=True)


async def test_unknown_execution_is_not_found(rig: Rig) -> None:
    request = failure(await running(rig), execution_id=str(uuid4()))

    with pytest.raises(NotFound):
        await report(rig, request, believes=True)
