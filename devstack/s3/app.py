"""Wires the server: store, handlers, and the way of a request through signature, route, permission and handler."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devstack.s3.buckets import Buckets
from devstack.s3.credentials import AccessKey, Credential
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.multipart import Uploads
from devstack.s3.objects import Objects
from devstack.s3.responses import error_response
from devstack.s3.routing import Call, Operation, authorize, find_operation, read_query, read_target, signed_request
from devstack.s3.sigv4 import authenticate
from devstack.s3.storage import Store
from devstack.s3.uploads import MultipartUploads

Handler: TypeAlias = Callable[[Call], Awaitable[Response]]


class App:
    """The ASGI application."""

    def __init__(self, handlers: Mapping[Operation, Handler], credentials: Mapping[AccessKey, Credential]) -> None:
        self._handlers = handlers
        self._credentials = credentials
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every refusal and every fault becomes an error document."""
        if scope["type"] != "http":
            raise ValueError(f"expected an http scope, found {scope['type']}")
        request, request_id = Request(scope, receive), uuid4().hex
        try:
            response = await self._answer(request)
        except Exception as err:
            response = self._refuse(request, err, request_id=request_id)
        response.headers["x-amz-request-id"] = request_id
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        signed = signed_request(request)
        auth = authenticate(signed, self._credentials, now=datetime.now(UTC))
        target, query = read_target(signed.raw_path), read_query(signed)
        operation = find_operation(request, target, query)
        call = Call(request=request, operation=operation, target=target, query=query, auth=auth)
        authorize(call)
        return await self._handlers[operation](call)

    def _refuse(self, request: Request, error: Exception, *, request_id: str) -> Response:
        # The path only, as it was sent: the query of a presigned URL is a secret.
        path = request.scope["raw_path"].decode("ascii")
        if not isinstance(error, S3Error):
            self._log.error("s3_request_failed", request_id=request_id, method=request.method, exc_info=error)
            error = S3Error(ErrorCode.INTERNAL_ERROR, "We encountered an internal error. Please try again.")
        else:
            self._log.info(
                "s3_request_refused",
                request_id=request_id,
                method=request.method,
                path=path,
                code=error.code.value,
            )
        return error_response(
            error,
            resource=path,
            request_id=request_id,
            method=request.method,
            expects_continue="expect" in request.headers,
        )


def build_app(store: Store, root: Path, credentials: Mapping[AccessKey, Credential]) -> App:
    """The application on an open store."""
    buckets, objects, uploads = Buckets(store), Objects(store), MultipartUploads(store, Uploads(root, store))
    return App(
        {
            Operation.LIST_BUCKETS: buckets.list_all,
            Operation.CREATE_BUCKET: buckets.create,
            Operation.HEAD_BUCKET: buckets.head,
            Operation.LIST_OBJECTS: buckets.list_objects,
            Operation.DELETE_OBJECTS: buckets.delete_objects,
            Operation.GET_OBJECT: objects.get,
            Operation.HEAD_OBJECT: objects.get,
            Operation.PUT_OBJECT: objects.put,
            Operation.COPY_OBJECT: objects.copy,
            Operation.DELETE_OBJECT: objects.delete,
            Operation.CREATE_UPLOAD: uploads.create,
            Operation.UPLOAD_PART: uploads.put_part,
            Operation.LIST_PARTS: uploads.list_parts,
            Operation.COMPLETE_UPLOAD: uploads.complete,
            Operation.ABORT_UPLOAD: uploads.abort,
        },
        credentials,
    )
