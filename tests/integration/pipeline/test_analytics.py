"""Facts for renderers and for analysis: what is there, and what a capability opens."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToDict
from montage.v1 import analytics_service_pb2 as pb

from pipeline_service.capabilities import Capabilities
from pipeline_service.commands.analytics import Analytics
from pipeline_service.commands.errors import NotFound
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.store.analytics import PostgresAnalytics
from pipeline_service.transport.analytics import AnalyticsServicer
from pipeline_service.transport.errors import CapabilityExpired, CapabilityRefused
from servicekit.tokens import IssuerKey, IssuerKeys, KeyId, TokenIssuer
from tests.factories import noop
from tests.integration.pipeline.rig import Rig

KEY = IssuerKey(id=KeyId("k"), ed25519_private=Ed25519PrivateKey.generate().private_bytes_raw(), hmac=bytes(32))
ANYBODY: Any = None
"""Who calls is looked at before."""


@pytest.fixture
def capabilities() -> Capabilities:
    issuer = TokenIssuer(IssuerKeys(active=KEY.id, keys=(KEY,)))
    return Capabilities(issuer, gateway_url="https://gateway.test", internal_url="https://internal.test/")


@pytest.fixture
def service(rig: Rig, capabilities: Capabilities) -> AnalyticsServicer:
    return AnalyticsServicer(Analytics(reader=PostgresAnalytics(rig.pool), artifacts=rig.artifacts), capabilities)


async def a_film(rig: Rig) -> None:
    """`a` is done, `b` made of it failed."""
    await rig.import_(noop("a"), noop("b", "a"))
    await rig.run()
    await rig.complete("a")
    await rig.fail("b", "invalid_input")


def read_capability(capabilities: Capabilities, execution: Execution) -> str:
    function = replace(execution, work=replace(execution.work, node_type="invoke-lambda"))
    return cap_of(capabilities.render_data_url(replace(function, close_due_at=datetime.now(UTC)), claim_of(execution)))


def claim_of(execution: Execution) -> Any:
    return execution.last_claim or uuid4()


def cap_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["cap"][0]


async def test_render_data_are_config_and_results_with_short_addresses(rig: Rig, service: AnalyticsServicer) -> None:
    await a_film(rig)
    node = str((await rig.latest("b")).node_uid)

    found = await service.GetNodeRenderData(pb.GetNodeRenderDataRequest(node_uid=node), ANYBODY)

    assert (found.node, found.type, found.config["provider"]) == ("pipelines/film/nodes/b", "noop", "local")
    [one] = found.inputs
    assert (one.slot, one.node_id, one.output.size_bytes) == ("after", "a", 10)
    assert one.url.startswith(f"https://store.test/{one.output.s3_key}")
    left = found.expire_time.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


async def test_render_data_of_nobody_s_node_are_not_found(service: AnalyticsServicer) -> None:
    with pytest.raises(NotFound):
        await service.GetNodeRenderData(pb.GetNodeRenderDataRequest(node_uid=str(uuid4())), ANYBODY)


async def test_pipeline_metrics_count_executions_and_failures_by_class(rig: Rig, service: AnalyticsServicer) -> None:
    await a_film(rig)
    uid = str((await rig.latest("a")).pipeline_uid)

    found = await service.GetPipelineMetrics(pb.GetPipelineMetricsRequest(pipeline_uid=uid), ANYBODY)

    said = MessageToDict(found)
    assert said["pipeline"] == "pipelines/film"
    assert {one["state"]: one.get("count", 0) for one in said["nodeCounts"] if one.get("count")} == {
        "NODE_STATE_COMPLETED": 1,
        "NODE_STATE_FAILED": 1,
    }
    whole = said["executions"]
    assert (whole["total"], whole["succeeded"], whole["failed"]) == ("2", "1", "1")
    assert whole["failures"] == [{"errorType": "invalid_input", "count": "1", "rate": 0.5}]
    assert [one["nodeType"] for one in said["nodeTypes"]] == ["noop"]
    assert found.executions.p50.ToTimedelta() > timedelta(0)
    assert found.executions.p50 == found.executions.p99


async def test_metrics_of_a_type_are_those_of_all_owners_without_a_capability(
    rig: Rig, service: AnalyticsServicer
) -> None:
    await a_film(rig)

    found = await service.GetNodeTypeMetrics(pb.GetNodeTypeMetricsRequest(node_type="noop"), ANYBODY)
    none = await service.GetNodeTypeMetrics(pb.GetNodeTypeMetricsRequest(node_type="merge-videos"), ANYBODY)

    assert found.metrics.executions.total == 2
    assert [(one.provider, one.executions.total) for one in found.providers] == [("local", 2)]
    assert (none.metrics.executions.total, list(none.providers)) == (0, [])


async def test_capability_opens_its_own_node_pipeline_and_owner_alone(
    rig: Rig, service: AnalyticsServicer, capabilities: Capabilities
) -> None:
    await a_film(rig)
    await rig.import_(noop("c"), document_id="another")
    await rig.run(pipeline="another")
    own, other = await rig.latest("b"), await rig.latest("c", pipeline="another")
    cap = read_capability(capabilities, own)

    await service.GetNodeRenderData(pb.GetNodeRenderDataRequest(node_uid=str(own.node_uid), capability=cap), ANYBODY)
    await service.GetPipelineMetrics(
        pb.GetPipelineMetricsRequest(pipeline_uid=str(own.pipeline_uid), capability=cap), ANYBODY
    )
    of_type = await service.GetNodeTypeMetrics(pb.GetNodeTypeMetricsRequest(node_type="noop", capability=cap), ANYBODY)

    assert of_type.metrics.executions.total == 3
    with pytest.raises(NotFound):
        await service.GetNodeRenderData(
            pb.GetNodeRenderDataRequest(node_uid=str(other.node_uid), capability=cap), ANYBODY
        )
    with pytest.raises(NotFound):
        await service.GetPipelineMetrics(
            pb.GetPipelineMetricsRequest(pipeline_uid=str(other.pipeline_uid), capability=cap), ANYBODY
        )


async def test_capability_for_completing_or_damaged_or_expired_reads_nothing(
    rig: Rig, service: AnalyticsServicer, capabilities: Capabilities
) -> None:
    await a_film(rig)
    own = await rig.latest("b")
    ended = replace(own, close_due_at=datetime.now(UTC))
    completing = cap_of(capabilities.callback_url(ended, claim_of(own)))
    past = replace(ended, close_due_at=datetime.now(UTC) - timedelta(days=2))
    function = replace(past, work=replace(past.work, node_type="invoke-lambda"))
    expired = cap_of(capabilities.render_data_url(function, claim_of(own)))

    for cap, error in ((completing, CapabilityRefused), ("x", CapabilityRefused), (expired, CapabilityExpired)):
        with pytest.raises(error):
            await service.GetNodeRenderData(
                pb.GetNodeRenderDataRequest(node_uid=str(own.node_uid), capability=cap), ANYBODY
            )


async def test_only_functions_of_users_get_an_address_and_only_where_there_is_one(
    rig: Rig, capabilities: Capabilities
) -> None:
    await a_film(rig)
    own = replace(await rig.latest("b"), close_due_at=datetime.now(UTC))
    nowhere = Capabilities(TokenIssuer(IssuerKeys(active=KEY.id, keys=(KEY,))), gateway_url="https://gateway.test")
    function = replace(own, work=replace(own.work, node_type="invoke-lambda"))

    assert capabilities.render_data_url(own, claim_of(own)) == ""
    assert nowhere.render_data_url(function, claim_of(own)) == ""
    assert capabilities.render_data_url(function, claim_of(own)).startswith(
        f"https://internal.test/spi/node_render_data/{own.node_uid}?cap="
    )
