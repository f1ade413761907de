"""The executor's side of CredentialService: what the owner of held work has at a vendor, asked anew for each use."""

from collections.abc import Awaitable
from functools import partial
from typing import Protocol

import grpc
from montage.v1 import credential_service_pb2 as pb

from executor_service.completion.reports import Patience, ServiceUnreachable
from executor_service.task import ClaimId, ExecutionId
from servicekit import grpc_retry

_LONGEST_S = 10.0
_NONE = frozenset({"CREDENTIAL_NOT_FOUND", "NO_MASTER_KEYS"})
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


class NotHeld(Exception):
    """The service says that this worker does not hold the work (any more)."""


class KeyRefused(Exception):
    """The owner has a key, and the service does not hand it out. Says why, never what."""


class CredentialCalls(Protocol):
    """The part of the generated stub that is used."""

    def AccessCredential(  # noqa: N802 # the contract's name
        self, request: pb.AccessCredentialRequest, *, timeout: float
    ) -> Awaitable[pb.AccessCredentialResponse]: ...


class OwnersKeys:
    """Keeps nothing: every use of a key is asked for, and on record at the service."""

    def __init__(self, calls: CredentialCalls) -> None:
        self._calls = calls

    async def find(self, execution_id: ExecutionId, *, claim: ClaimId, vendor: str, patience: Patience) -> str | None:
        """None where the owner has none. Raises ServiceUnreachable, NotHeld, KeyRefused."""
        request = pb.AccessCredentialRequest(vendor=vendor, claim=pb.LiveClaim(execution_id=execution_id, claim=claim))
        policy = grpc_retry.RetryPolicy(deadline_s=min(max(patience(), 0.001), _LONGEST_S))
        try:
            answer = await grpc_retry.call(partial(self._calls.AccessCredential, request), policy=policy)
        except grpc.aio.AioRpcError as error:
            reason = grpc_retry.error_reason(error) or ""
            # A service that is older than us keeps no keys.
            if reason in _NONE or error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            if error.code() in _AWAY:
                raise ServiceUnreachable("the pipeline service did not answer in time") from None
            if reason == "CLAIM_NOT_LIVE":
                raise NotHeld(reason) from None
            raise KeyRefused(reason or error.code().name) from None
        return answer.value
