"""Who may call what. A method without a rule stops the start; a rule without names admits nobody."""

from montage.v1 import (
    analytics_service_pb2,
    audit_service_pb2,
    callback_service_pb2,
    credential_service_pb2,
    execution_service_pb2,
    node_service_pb2,
    object_service_pb2,
    pipeline_service_pb2,
    webhook_service_pb2,
)

from servicekit.access import AccessTable, Allow, allow

CLIENTS = allow("spiffe://montage/client/*", "spiffe://montage/ops/*")
EXECUTOR = allow("spiffe://montage/executor")
CALLBACK_GATEWAY = allow("spiffe://montage/callback-gateway")
INTERNAL_GATEWAY = allow("spiffe://montage/internal-gateway")
OPERATORS = allow("spiffe://montage/ops/*")
EXECUTOR_AND_INTERNAL_GATEWAY = allow("spiffe://montage/executor", "spiffe://montage/internal-gateway")
INTERNAL_GATEWAY_AND_OPERATORS = allow("spiffe://montage/internal-gateway", "spiffe://montage/ops/*")

_SERVICES = (
    (pipeline_service_pb2.DESCRIPTOR.services_by_name["PipelineService"], CLIENTS),
    (node_service_pb2.DESCRIPTOR.services_by_name["NodeService"], CLIENTS),
    (execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"], EXECUTOR),
    (callback_service_pb2.DESCRIPTOR.services_by_name["CallbackService"], CALLBACK_GATEWAY),
    (analytics_service_pb2.DESCRIPTOR.services_by_name["AnalyticsService"], INTERNAL_GATEWAY_AND_OPERATORS),
    (audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"], OPERATORS),
    (object_service_pb2.DESCRIPTOR.services_by_name["ObjectService"], OPERATORS),
    (webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"], CLIENTS),
)

_CREDENTIALS = {
    "PutCredential": OPERATORS,
    "DeleteCredential": OPERATORS,
    "ListCredentials": OPERATORS,
    # By which right is a matter of the request: see transport.credentials.
    "AccessCredential": EXECUTOR_AND_INTERNAL_GATEWAY,
    "TouchCredential": INTERNAL_GATEWAY,
}


def access_table() -> AccessTable:
    """Every method of the contract with those who may call it."""
    table: dict[str, Allow] = {}
    for service, rule in _SERVICES:
        for method in service.methods:
            table[f"/{service.full_name}/{method.name}"] = rule
    credentials = credential_service_pb2.DESCRIPTOR.services_by_name["CredentialService"]
    return table | {f"/{credentials.full_name}/{method}": rule for method, rule in _CREDENTIALS.items()}
