"""boto3 as we want it: keys from files, SigV4, path addressing, bounded waits, errors sorted by what to do next."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as BotoConnectionError

from servicekit.config import ConfigError, read_secret
from servicekit.store_errors import (
    AlreadyExists,
    ContentMismatch,
    ObjectMissing,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WriteConflict,
)


@dataclass(frozen=True, kw_only=True)
class StoreAddress:
    """Where the store is and with which keys."""

    bucket: str
    region: str
    endpoint: str | None = None
    """None is AWS itself."""
    access_key_file: Path | None = None
    secret_key_file: Path | None = None
    """Both or none; none is AWS's own chain (the role of an instance or a pod)."""
    ca_file: Path | None = None
    """Trust for an https endpoint of our own; None is the system's."""


def new_s3_client(address: StoreAddress, *, max_connections: int, timeout_s: float) -> Any:
    """A client that is safe to share between threads. Raises ConfigError for unusable key files."""
    if (address.access_key_file is None) != (address.secret_key_file is None):
        raise ConfigError("an access key file needs a secret key file, and the other way round")
    keys: dict[str, Any] = {}
    if address.access_key_file is not None and address.secret_key_file is not None:
        keys = {
            "aws_access_key_id": read_secret(address.access_key_file),
            "aws_secret_access_key": read_secret(address.secret_key_file),
        }
    config = Config(
        signature_version="s3v4",  # presigned URLs would be SigV2 otherwise
        s3={"addressing_style": "path"},
        max_pool_connections=max_connections,
        connect_timeout=min(timeout_s, 5.0),
        read_timeout=timeout_s,
        # One repeat for a connection that just went stale; more is the business of whoever knows the deadline.
        retries={"mode": "standard", "total_max_attempts": 2},
        # We bind SHA-256 ourselves; a second checksum would only turn uploads into trailers that small servers refuse.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # No proxy and no settings from the environment: whoever sets HTTP_PROXY must not see our objects.
        proxies={},
    )
    session = boto3.session.Session(region_name=address.region, **keys)
    verify = None if address.ca_file is None else str(address.ca_file)
    return session.client("s3", endpoint_url=address.endpoint, config=config, verify=verify)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what boto3 raises into StoreError."""
    try:
        yield
    except ClientError as err:
        raise _translated(err) from err
    except (BotoConnectionError, HTTPClientError, IncompleteReadError) as err:
        raise StoreUnavailable(f"no answer from the store: {type(err).__name__}") from err
    except BotoCoreError as err:
        raise StoreRefused(f"call to the store not possible: {type(err).__name__}") from err


def base64_of_hex(digest: str) -> str:
    """S3 writes checksums in base64, we write them in hex."""
    return base64.b64encode(bytes.fromhex(digest)).decode()


def hex_of_base64(digest: str) -> str:
    return base64.b64decode(digest).hex()


_CONTENT_CODES = frozenset(
    {"BadDigest", "InvalidDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
)
_CONFLICT_CODES = frozenset({"ConditionalRequestConflict", "OperationAborted"})
_THROTTLE_CODES = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout"})


def _translated(error: ClientError) -> StoreError:
    code = str(error.response.get("Error", {}).get("Code", "?"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = f"{error.operation_name}: {code} (HTTP {status})"
    if code in _CONTENT_CODES:
        return ContentMismatch(text)
    if code in _CONFLICT_CODES:
        return WriteConflict(text)
    if status == 412 or code in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
        return AlreadyExists(text)
    if status == 404 and code != "NoSuchBucket":
        return ObjectMissing(text)
    if status >= 500 or status == 429 or code in _THROTTLE_CODES:
        return StoreUnavailable(text)
    return StoreRefused(text)
