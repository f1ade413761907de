"""Which operation a request asks for, on what, and which permission it needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from devstack.s3.canonical import SignedRequest
from devstack.s3.credentials import Action
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.sigv4 import Authenticated

MAX_KEY_BYTES: Final = 1024


class Operation(StrEnum):
    """What the server can do, in S3's names."""

    LIST_BUCKETS = "ListBuckets"
    CREATE_BUCKET = "CreateBucket"
    HEAD_BUCKET = "HeadBucket"
    LIST_OBJECTS = "ListObjectsV2"
    DELETE_OBJECTS = "DeleteObjects"
    GET_OBJECT = "GetObject"
    HEAD_OBJECT = "HeadObject"
    PUT_OBJECT = "PutObject"
    COPY_OBJECT = "CopyObject"
    DELETE_OBJECT = "DeleteObject"
    CREATE_UPLOAD = "CreateMultipartUpload"
    UPLOAD_PART = "UploadPart"
    LIST_PARTS = "ListParts"
    COMPLETE_UPLOAD = "CompleteMultipartUpload"
    ABORT_UPLOAD = "AbortMultipartUpload"


@dataclass(frozen=True, kw_only=True)
class Target:
    """The bucket and key of a request's path; empty when the path names none."""

    bucket: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that was understood, authenticated and allowed."""

    request: Request
    operation: Operation
    target: Target
    query: Mapping[str, str]
    auth: Authenticated


ACTIONS: Final[Mapping[Operation, Action]] = MappingProxyType(
    {
        Operation.LIST_BUCKETS: Action.LIST_ALL_BUCKETS,
        Operation.CREATE_BUCKET: Action.CREATE_BUCKET,
        Operation.HEAD_BUCKET: Action.LIST_BUCKET,
        Operation.LIST_OBJECTS: Action.LIST_BUCKET,
        Operation.DELETE_OBJECTS: Action.DELETE_OBJECT,
        Operation.GET_OBJECT: Action.GET_OBJECT,
        Operation.HEAD_OBJECT: Action.GET_OBJECT,
        Operation.PUT_OBJECT: Action.PUT_OBJECT,
        Operation.COPY_OBJECT: Action.PUT_OBJECT,
        Operation.DELETE_OBJECT: Action.DELETE_OBJECT,
        Operation.CREATE_UPLOAD: Action.PUT_OBJECT,
        Operation.UPLOAD_PART: Action.PUT_OBJECT,
        Operation.LIST_PARTS: Action.PUT_OBJECT,
        Operation.COMPLETE_UPLOAD: Action.PUT_OBJECT,
        Operation.ABORT_UPLOAD: Action.PUT_OBJECT,
    }
)

# An operation is the method, what the path names, and the parameters that select a sub-resource.
_ROUTES: Final[Mapping[tuple[str, str, frozenset[str]], Operation]] = MappingProxyType(
    {
        ("GET", "service", frozenset[str]()): Operation.LIST_BUCKETS,
        ("PUT", "bucket", frozenset[str]()): Operation.CREATE_BUCKET,
        ("HEAD", "bucket", frozenset[str]()): Operation.HEAD_BUCKET,
        ("GET", "bucket", frozenset({"list-type"})): Operation.LIST_OBJECTS,
        ("POST", "bucket", frozenset({"delete"})): Operation.DELETE_OBJECTS,
        ("GET", "object", frozenset[str]()): Operation.GET_OBJECT,
        ("HEAD", "object", frozenset[str]()): Operation.HEAD_OBJECT,
        ("PUT", "object", frozenset[str]()): Operation.PUT_OBJECT,
        ("DELETE", "object", frozenset[str]()): Operation.DELETE_OBJECT,
        ("POST", "object", frozenset({"uploads"})): Operation.CREATE_UPLOAD,
        ("PUT", "object", frozenset({"uploadId", "partNumber"})): Operation.UPLOAD_PART,
        ("GET", "object", frozenset({"uploadId"})): Operation.LIST_PARTS,
        ("POST", "object", frozenset({"uploadId"})): Operation.COMPLETE_UPLOAD,
        ("DELETE", "object", frozenset({"uploadId"})): Operation.ABORT_UPLOAD,
    }
)

# Parameters that belong to an operation and do not select one; any other unknown parameter selects something we lack.
_PLAIN_PARAMETERS: Final = frozenset(
    {
        *("prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type", "fetch-owner"),
        *("max-parts", "part-number-marker", "x-id"),
        *("response-content-type", "response-content-disposition", "response-content-encoding"),
        *("response-content-language", "response-cache-control", "response-expires"),
    }
)

# Ignoring an x-amz- header would break a promise (encryption, locks, tags), so unknown ones are refused.
_KNOWN_HEADERS: Final = re.compile(
    r"x-amz-(date|content-sha256|decoded-content-length|trailer|sdk-checksum-algorithm|user-agent"
    r"|checksum-(mode|algorithm|type|crc32|crc32c|crc64nvme|sha1|sha256)|meta-.+|copy-source|metadata-directive)"
)
# XML 1.0 cannot carry most of these, so an answer that names such a key would not parse.
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")


def signed_request(request: Request) -> SignedRequest:
    """The bytes that the signature covers."""
    return SignedRequest(
        method=request.method,
        raw_path=request.scope["raw_path"],
        raw_query=request.scope["query_string"],
        headers=tuple(request.scope["headers"]),
    )


def read_target(raw_path: bytes) -> Target:
    """Split and decode a path. `..` and empty segments are part of the key, as in S3."""
    raw_bucket, _, raw_key = raw_path.removeprefix(b"/").partition(b"/")
    try:
        target = Target(bucket=unquote_to_bytes(raw_bucket).decode(), key=unquote_to_bytes(raw_key).decode())
    except UnicodeDecodeError as err:
        raise S3Error(ErrorCode.INVALID_URI, "The path is not UTF-8.") from err
    if target.key and not target.bucket:
        raise S3Error(ErrorCode.INVALID_BUCKET_NAME, "The path names a key but no bucket.")
    if target.key:
        check_key(target.key)
    return target


def check_key(key: str) -> None:
    """Refuse a key that cannot be stored or named in an answer."""
    if len(key.encode()) > MAX_KEY_BYTES:
        raise S3Error(ErrorCode.KEY_TOO_LONG, f"Your key is longer than {MAX_KEY_BYTES} bytes.")
    if _CONTROL_CHARACTERS.search(key):
        raise S3Error(ErrorCode.INVALID_ARGUMENT, "A key must not hold control characters.")


def read_query(signed: SignedRequest) -> dict[str, str]:
    """The parameters that are not part of a presigned URL's signature."""
    try:
        pairs = [(name.decode(), value.decode()) for name, value in signed.query()]
    except UnicodeDecodeError as err:
        raise S3Error(ErrorCode.INVALID_URI, "The query is not UTF-8.") from err
    query = {name: value for name, value in pairs if not name.startswith("X-Amz-")}
    if len(query) != len([name for name, _ in pairs if not name.startswith("X-Amz-")]):
        raise S3Error(ErrorCode.INVALID_ARGUMENT, "A query parameter is given twice.")
    return query


def find_operation(request: Request, target: Target, query: Mapping[str, str]) -> Operation:
    """Which operation this is. Raises NotImplemented for S3's others, and MethodNotAllowed."""
    if unknown := sorted(
        name for name in request.headers if name.startswith("x-amz-") and not _KNOWN_HEADERS.fullmatch(name)
    ):
        message = "A header you provided implies functionality that is not implemented."
        raise S3Error(ErrorCode.NOT_IMPLEMENTED, message, details={"Header": ", ".join(unknown)})
    level = "object" if target.key else "bucket" if target.bucket else "service"
    selectors = frozenset(query.keys() - _PLAIN_PARAMETERS)
    operation = _ROUTES.get((request.method, level, selectors))
    if operation is Operation.PUT_OBJECT and "x-amz-copy-source" in request.headers:
        return Operation.COPY_OBJECT
    if operation is None and not selectors and level != "bucket":
        raise S3Error(ErrorCode.METHOD_NOT_ALLOWED, "The specified method is not allowed against this resource.")
    copies_part = operation is Operation.UPLOAD_PART and "x-amz-copy-source" in request.headers
    if operation is None or copies_part or query.get("list-type", "2") != "2":
        asked = f"{request.method} on a {level} with {sorted(selectors) or 'no parameter'}"
        raise S3Error(ErrorCode.NOT_IMPLEMENTED, f"This server does not implement {asked}.")
    return operation


def authorize(call: Call) -> None:
    """Refuse what the caller's grants do not cover; DeleteObjects decides key by key, once it knows its keys."""
    action = ACTIONS[call.operation]
    credential = call.auth.credential
    if call.operation is Operation.DELETE_OBJECTS:
        is_allowed = True
    elif call.operation is Operation.LIST_OBJECTS:
        is_allowed = credential.may(action, call.query.get("prefix", ""))
    elif call.target.key:
        is_allowed = credential.may(action, call.target.key)
    else:
        is_allowed = credential.may_somewhere(action)
    if not is_allowed:
        raise denied(call, action)


def denied(call: Call, action: Action) -> S3Error:
    """The refusal of an action that no grant covers."""
    return S3Error(ErrorCode.ACCESS_DENIED, f"{call.auth.credential.principal} is not allowed: {action}")
