"""Wires the services of operators and of the internal gateway: secrets, the record, and facts for analysis."""

from montage.v1 import (
    analytics_service_pb2_grpc,
    audit_service_pb2_grpc,
    credential_service_pb2_grpc,
    object_service_pb2_grpc,
)

from pipeline_service.artifacts import S3Artifacts
from pipeline_service.capabilities import Capabilities
from pipeline_service.commands.analytics import Analytics
from pipeline_service.commands.auditing import Auditor
from pipeline_service.commands.collecting import Collector
from pipeline_service.commands.credentials import Credentials
from pipeline_service.config import Settings
from pipeline_service.domain.states import Alarm
from pipeline_service.metrics import Metrics
from pipeline_service.store.analytics import PostgresAnalytics
from pipeline_service.store.credentials import PostgresCredentials
from pipeline_service.store.objects import PostgresObjects
from pipeline_service.store.pool import Pool
from pipeline_service.store.seals import PostgresSeals
from pipeline_service.transport.analytics import AnalyticsServicer
from pipeline_service.transport.audit import AuditServicer
from pipeline_service.transport.credentials import CredentialServicer
from pipeline_service.transport.objects import ObjectServicer
from pipeline_service.vault.envelope import Envelope
from pipeline_service.vaults import open_vault
from servicekit.grpc_server import Register


def operating_services(
    settings: Settings, metrics: Metrics, *, pool: Pool, artifacts: S3Artifacts, capabilities: Capabilities
) -> list[Register]:
    """`pool` is of the role that keeps state. Raises InvalidMasterKeys, ConfigError."""
    analytics = Analytics(reader=PostgresAnalytics(pool), artifacts=artifacts)
    credentials = Credentials(store=PostgresCredentials(pool), vault=_vault(settings, metrics))
    return [
        lambda server: analytics_service_pb2_grpc.add_AnalyticsServiceServicer_to_server(
            AnalyticsServicer(analytics, capabilities), server
        ),
        lambda server: audit_service_pb2_grpc.add_AuditServiceServicer_to_server(
            AuditServicer(Auditor(PostgresSeals(pool))), server
        ),
        lambda server: credential_service_pb2_grpc.add_CredentialServiceServicer_to_server(
            CredentialServicer(credentials), server
        ),
        lambda server: object_service_pb2_grpc.add_ObjectServiceServicer_to_server(
            ObjectServicer(Collector(objects=artifacts, referrers=PostgresObjects(pool))), server
        ),
    ]


def _vault(settings: Settings, metrics: Metrics) -> Envelope | None:
    def on_reload(succeeded: bool) -> None:  # noqa: FBT001 - the callback's one argument
        metrics.master_key_reloads.labels(outcome="ok" if succeeded else "failed").inc()
        if not succeeded:
            metrics.raise_alarm(Alarm.RELOAD_FAILED)

    return open_vault(settings, on_reload=on_reload)
