"""AWS Lambda: asynchronous invocations with boto3. Its errors become what a worker does next."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.client import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from executor_service.task import ErrorType, GiveUp, RetryLater
from servicekit.config import read_secret

INVOKE_TIMEOUT_S = 10.0
_CONNECT_S = 3.0
_AWAY = timedelta(seconds=5)
_MAX_WAIT = timedelta(minutes=5)
_ACCEPTED = 202

# By error code, as the API reference of Invoke lists them; whatever is missing here is decided by its HTTP status.
_GIVE_UP = {
    "RequestTooLargeException": ErrorType.INVALID_INPUT,
    "SerializedRequestEntityTooLargeException": ErrorType.INVALID_INPUT,
    "InvalidRequestContentException": ErrorType.INTERNAL,
    "AccessDeniedException": ErrorType.CREDENTIAL,
    # Of STS, when a role may not be assumed.
    "AccessDenied": ErrorType.CREDENTIAL,
    "InvalidSignatureException": ErrorType.CREDENTIAL,
    "UnrecognizedClientException": ErrorType.CREDENTIAL,
    "ExpiredTokenException": ErrorType.CREDENTIAL,
    "ServiceQuotaExceededException": ErrorType.QUOTA_EXHAUSTED,
}
_HTTP_BUSY = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, kw_only=True)
class LambdaAddress:
    """Where functions are invoked and with which keys."""

    region: str
    endpoint: str | None = None
    """None is AWS itself."""
    access_key_file: Path | None = None
    secret_key_file: Path | None = None
    """Both or none; none is AWS's default chain."""
    role: str | None = None
    """ARN of the role to assume; None invokes with the keys themselves."""
    sts_endpoint: str | None = None
    """Where roles are assumed; None is AWS itself."""


class LambdaFunctions:
    """One per process: owns a boto3 client and its threads."""

    def __init__(self, address: LambdaAddress, *, max_parallel: int = 4) -> None:
        """Raises ConfigError for key files that cannot be used. Opens no connection."""
        self._client = _client(address, max_parallel)
        self._threads = ThreadPoolExecutor(max_workers=max_parallel, thread_name_prefix="aws-lambda")

    async def invoke_event(self, function: str, event: bytes) -> None:
        """Queue one run of the function; returns when that is accepted. Raises RetryLater or GiveUp.

        After a time-out the event may have been accepted all the same: the caller's effects must bear a second run.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._invoke, function, event)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._client.close()

    def _invoke(self, function: str, event: bytes) -> None:
        try:
            answer = self._client.invoke(FunctionName=function, InvocationType="Event", Payload=event)
        except ClientError as err:
            raise decide(err, function) from err
        except NoCredentialsError as err:
            raise GiveUp(ErrorType.CREDENTIAL, "there are no credentials for AWS Lambda") from err
        except BotoCoreError as err:
            raise RetryLater(_AWAY, f"AWS Lambda does not answer: {type(err).__name__}") from err
        if answer["StatusCode"] != _ACCEPTED:
            raise GiveUp(ErrorType.LAMBDA_ERROR, f"function {function}: expected 202, found {answer['StatusCode']}")


def decide(error: ClientError, function: str) -> RetryLater | GiveUp:
    """What a worker does after this error."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    answer = error.response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    if code in _GIVE_UP:
        return GiveUp(_GIVE_UP[code], f"function {function} was not invoked: {code}")
    if status in _HTTP_BUSY or status >= 500:
        return RetryLater(_wait(answer.get("HTTPHeaders", {})), f"AWS Lambda is busy: {code or status}")
    return GiveUp(ErrorType.LAMBDA_ERROR, f"function {function} was not invoked: {code or status}")


def _wait(headers: dict[str, str]) -> timedelta:
    asked = headers.get("retry-after", "")
    return min(timedelta(seconds=int(asked)), _MAX_WAIT) if asked.isascii() and asked.isdigit() else _AWAY


def _client(address: LambdaAddress, max_parallel: int) -> Any:
    keys: dict[str, Any] = {}
    if address.access_key_file and address.secret_key_file:
        keys = {
            "aws_access_key_id": read_secret(address.access_key_file),
            "aws_secret_access_key": read_secret(address.secret_key_file),
        }
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=INVOKE_TIMEOUT_S - _CONNECT_S,
        # Our own queue retries, so that a repeat is seen and fenced.
        retries={"total_max_attempts": 1},
        max_pool_connections=max_parallel,
        proxies={},
    )
    session = boto3.session.Session(region_name=address.region, **keys)
    if address.role is not None:
        session = _in_role(session, address.role, address)
    return session.client("lambda", endpoint_url=address.endpoint, config=config)


def _in_role(own: boto3.session.Session, role: str, address: LambdaAddress) -> boto3.session.Session:
    """A session with the role's credentials: asked for when they are needed, and again before they expire."""

    def new_client(service: str, **arguments: Any) -> Any:
        return own.client(service, **{**arguments, "endpoint_url": address.sts_endpoint})

    fetcher = AssumeRoleCredentialFetcher(
        new_client, own.get_credentials(), role, extra_args={"RoleSessionName": "montage-executor"}
    )
    core = botocore.session.get_session()
    # botocore has no public way for credentials of one's own that renew themselves.
    core._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001 # as above
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return boto3.session.Session(region_name=address.region, botocore_session=core)
