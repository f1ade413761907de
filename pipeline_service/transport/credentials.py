"""CredentialService, for operators, executors and the internal gateway."""

from datetime import UTC
from uuid import UUID

from montage.v1 import credential_service_pb2 as pb
from montage.v1 import credential_service_pb2_grpc

from pipeline_service.commands.credentials import Credentials
from pipeline_service.commands.errors import NotAllowed
from pipeline_service.domain.credentials import Credential, CredentialKey
from pipeline_service.domain.ids import Claim, ExecutionId, Owner
from pipeline_service.domain.lists import Kind
from pipeline_service.transport.owners import actor
from pipeline_service.transport.paging import Walk
from pipeline_service.wire.values import timestamp
from servicekit.grpc_handlers import Context

_BY_KEY = (Kind.TEXT, Kind.TEXT)
EXECUTOR = "spiffe://montage/executor"


class CredentialServicer(credential_service_pb2_grpc.CredentialServiceServicer):
    """Decodes, calls, encodes. A value is in no message but those of Put and Access."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def PutCredential(self, request: pb.PutCredentialRequest, context: Context) -> pb.PutCredentialResponse:
        expire_time = request.expire_time.ToDatetime(UTC) if request.HasField("expire_time") else None
        kept = await self._credentials.put(
            _key(request.owner, request.vendor), request.value, expire_time=expire_time, actor=actor(context)
        )
        return pb.PutCredentialResponse(credential=_message(kept))

    async def DeleteCredential(
        self, request: pb.DeleteCredentialRequest, context: Context
    ) -> pb.DeleteCredentialResponse:
        await self._credentials.delete(_key(request.owner, request.vendor), actor=actor(context))
        return pb.DeleteCredentialResponse()

    async def ListCredentials(self, request: pb.ListCredentialsRequest, context: Context) -> pb.ListCredentialsResponse:
        walk = Walk(request, _BY_KEY)
        found = await self._credentials.list(
            Owner(request.owner) if request.owner else None,
            after=_key(*map(str, walk.after)) if walk.after else None,
            limit=walk.limit,
            actor=actor(context),
        )
        token = walk.token((found[-1].key.owner, found[-1].key.vendor) if len(found) == walk.limit else None)
        return pb.ListCredentialsResponse(credentials=map(_message, found), next_page_token=token)

    async def AccessCredential(
        self, request: pb.AccessCredentialRequest, context: Context
    ) -> pb.AccessCredentialResponse:
        who = actor(context)
        by_claim = request.WhichOneof("right") == "claim"
        if by_claim != (who == EXECUTOR):
            raise NotAllowed(f"{who} may not ask for a secret by its {'claim' if by_claim else 'owner'}")
        if by_claim:
            held = request.claim
            found, value = await self._credentials.access_for_work(
                ExecutionId(UUID(held.execution_id)), Claim(UUID(held.claim)), vendor=request.vendor, actor=who
            )
        else:
            found, value = await self._credentials.access(_key(request.owner, request.vendor), actor=who)
        return pb.AccessCredentialResponse(value=value, credential=_message(found))

    async def TouchCredential(self, request: pb.TouchCredentialRequest, context: Context) -> pb.TouchCredentialResponse:
        await self._credentials.touch(_key(request.owner, request.vendor), actor=actor(context))
        return pb.TouchCredentialResponse()


def _key(owner: str, vendor: str) -> CredentialKey:
    return CredentialKey(owner=Owner(owner), vendor=vendor)


def _message(one: Credential) -> pb.Credential:
    return pb.Credential(
        owner=one.key.owner,
        vendor=one.key.vendor,
        version=one.version,
        master_key_id=one.sealed.master_key_id,
        create_time=timestamp(one.create_time),
        last_use_time=timestamp(one.last_use_time),
        expire_time=timestamp(one.expire_time),
    )
