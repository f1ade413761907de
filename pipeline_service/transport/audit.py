"""AuditService, for operators."""

from typing import cast

from montage.v1 import audit_service_pb2 as pb
from montage.v1 import audit_service_pb2_grpc

from pipeline_service.commands.auditing import Auditor
from pipeline_service.domain.audit import KeptRecord
from pipeline_service.domain.lists import Kind
from pipeline_service.domain.seals import Fault
from pipeline_service.transport.owners import actor
from pipeline_service.transport.paging import Walk
from pipeline_service.wire.values import timestamp
from servicekit.grpc_handlers import Context

_BY_NUMBER = (Kind.NUMBER,)


class AuditServicer(audit_service_pb2_grpc.AuditServiceServicer):
    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor

    async def VerifySeals(self, request: pb.VerifySealsRequest, context: Context) -> pb.VerifySealsResponse:
        found = await self._auditor.verify(request.after_number, request.after_sha256, actor=actor(context))
        return pb.VerifySealsResponse(
            number=found.number,
            sha256=found.sha256,
            rows=found.rows,
            fault=_fault(found.fault) if found.fault else None,
            is_end=found.is_end,
            unsealed_rows=found.unsealed_rows,
        )

    async def ListAuditRecords(
        self, request: pb.ListAuditRecordsRequest, context: Context
    ) -> pb.ListAuditRecordsResponse:
        walk = Walk(request, _BY_NUMBER)
        before = cast("int", walk.after[0]) if walk.after else None
        found = await self._auditor.records(before=before, limit=walk.limit, actor=actor(context))
        token = walk.token((found[-1].number,) if len(found) == walk.limit else None)
        return pb.ListAuditRecordsResponse(records=map(_record, found), next_page_token=token)


def _fault(fault: Fault) -> pb.AuditFault:
    return pb.AuditFault(
        kind=f"AUDIT_FAULT_KIND_{fault.kind}", row=fault.row, seal=fault.seal, description=fault.description
    )


def _record(one: KeptRecord) -> pb.AuditRecord:
    return pb.AuditRecord(
        name=f"auditRecords/{one.number}",
        create_time=timestamp(one.create_time),
        actor=one.record.actor,
        action=one.record.action,
        subject=one.record.subject,
        outcome=one.record.outcome,
        details=one.record.details,
    )
