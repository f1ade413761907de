"""What operators ask of the service, as typed coroutines. Part of MontageClient."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from montage.v1 import credential_service_pb2 as api

from montage_cli.calls import PAGE_SIZE, Caller


class OperatorCalls:
    """Needs a certificate of an operator."""

    def __init__(self, credentials: Any, caller: Caller) -> None:
        """`credentials` is the stub of CredentialService."""
        self._credentials = credentials
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
