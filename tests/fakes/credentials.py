"""CredentialService in memory, as an executor sees it."""

from dataclasses import dataclass, field

import grpc
from montage.v1 import credential_service_pb2 as pb

from servicekit.grpc_errors import RpcError
from servicekit.grpc_retry import error_of


@dataclass
class FakeCredentials:
    """Use it as a stub."""

    values: dict[str, str] = field(default_factory=dict)
    """By vendor."""
    refusal: tuple[grpc.StatusCode, str] | None = None
    """Code and reason that every call ends with."""
    asked: list[pb.AccessCredentialRequest] = field(default_factory=list)

    async def AccessCredential(
        self, request: pb.AccessCredentialRequest, *, timeout: float
    ) -> pb.AccessCredentialResponse:
        assert timeout > 0
        self.asked.append(request)
        if self.refusal is not None:
            raise _error(*self.refusal)
        if request.vendor not in self.values:
            raise _error(grpc.StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND")
        return pb.AccessCredentialResponse(value=self.values[request.vendor])


def _error(code: grpc.StatusCode, reason: str) -> grpc.aio.AioRpcError:
    return error_of(RpcError(code=code, reason=reason, message="refused").to_status("montage"))
