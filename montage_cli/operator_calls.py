"""What operators ask of the service, as typed coroutines. Part of MontageClient."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from montage.v1 import audit_service_pb2 as audit_api
from montage.v1 import credential_service_pb2 as api
from montage.v1 import object_service_pb2 as object_api

from montage_cli.calls import PAGE_SIZE, Caller


class OperatorCalls:
    """Needs a certificate of an operator."""

    def __init__(self, *, credentials: Any, audit: Any, objects: Any, caller: Caller) -> None:
        """The first three are the stubs of CredentialService, AuditService and ObjectService."""
        self._credentials = credentials
        self._audit = audit
        self._objects = objects
        self._caller = caller

    async def put_credential(
        self, owner: str, vendor: str, value: str, *, expire_time: datetime | None = None
    ) -> api.Credential:
        """Keep a secret in place of the one before; the same again is one version more."""
        request = api.PutCredentialRequest(owner=owner, vendor=vendor, value=value)
        if expire_time is not None:
            moment = Timestamp()
            moment.FromDatetime(expire_time)
            request.expire_time.CopyFrom(moment)
        answer: api.PutCredentialResponse = await self._caller.safe(self._credentials.PutCredential, request)
        return answer.credential

    async def delete_credential(self, owner: str, vendor: str) -> None:
        request = api.DeleteCredentialRequest(owner=owner, vendor=vendor)
        await self._caller.safe(self._credentials.DeleteCredential, request)

    async def list_credentials(self, owner: str = "") -> AsyncIterator[api.Credential]:
        """Without their values; those of all owners when none is named."""
        request = api.ListCredentialsRequest(owner=owner, page_size=PAGE_SIZE)
        async for page in self._caller.pages(self._credentials.ListCredentials, request):
            for one in page.credentials:
                yield one

    async def verify_seals(self) -> AsyncIterator[audit_api.VerifySealsResponse]:
        """Hold the whole record against its seals, a part at a time; the last answer says that it is the end."""
        number, sha256 = 0, b""
        while True:
            answer = await self.verify_seals_behind(number, sha256)
            yield answer
            if answer.is_end:
                return
            number, sha256 = answer.number, answer.sha256

    async def verify_seals_behind(self, number: int, sha256: bytes) -> audit_api.VerifySealsResponse:
        """One part, behind a seal that was seen with that hash."""
        request = audit_api.VerifySealsRequest(after_number=number, after_sha256=sha256)
        answer: audit_api.VerifySealsResponse = await self._caller.safe(self._audit.VerifySeals, request)
        return answer

    async def list_audit_records(self) -> AsyncIterator[audit_api.AuditRecord]:
        """Newest first."""
        request = audit_api.ListAuditRecordsRequest(page_size=PAGE_SIZE)
        async for page in self._caller.pages(self._audit.ListAuditRecords, request):
            for one in page.records:
                yield one

    async def sweep_objects(
        self, owner: str = "", *, grace: timedelta, remove: bool = False
    ) -> AsyncIterator[object_api.SweepObjectsResponse]:
        """Look at all objects of the store, a page at a time; remove those that nothing refers to, if asked to."""
        duration = Duration()
        duration.FromTimedelta(grace)
        request = object_api.SweepObjectsRequest(owner=owner, grace=duration, remove=remove, page_size=PAGE_SIZE)
        async for page in self._caller.pages(self._objects.SweepObjects, request):
            yield page

    async def list_missing_objects(self, owner: str = "") -> AsyncIterator[object_api.ListMissingObjectsResponse]:
        """Look at everything that is referred to, a page at a time."""
        request = object_api.ListMissingObjectsRequest(owner=owner, page_size=PAGE_SIZE)
        async for page in self._caller.pages(self._objects.ListMissingObjects, request):
            yield page
