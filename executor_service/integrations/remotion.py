"""Remotion Lambda: code screens rendered by the user's own site, in the user's own AWS account.

A render is begun by an invocation, and told of in a `progress.json` of its bucket. Knows nothing of ours but how a call
goes wrong.
"""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from executor_service.integrations.remotion_errors import call_failed, start_failed
from executor_service.integrations.vendor_errors import Away, Gone, InvalidCredentials

START_S: Final = 60.0
MAX_PROPS_BYTES: Final = 200_000
"""Of a composition's props; larger ones would have to lie in the bucket."""
_READ_S = 30.0
_CONNECT_S = 5.0
_MAX_PROGRESS_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_FUNCTION = re.compile(r"remotion-render-(\d+)-(\d+)-(\d+)-[a-z0-9-]+")
_FIELDS = ("region", "function", "serve_url", "bucket", "composition", "access_key", "secret_key")
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})


@dataclass(frozen=True, kw_only=True)
class RemotionAccount:
    """Where renders are made and by whose keys; read from a JSON file with these names."""

    region: str
    function: str
    serve_url: str
    """Of the site that holds the composition."""
    bucket: str
    composition: str
    access_key: str
    secret_key: str

    @classmethod
    def parse(cls, text: str) -> "RemotionAccount":
        """Raises InvalidCredentials, which never shows what it found."""
        try:
            content = json.loads(text)
            account = cls(**{name: content[name] for name in _FIELDS})
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidCredentials(f"expected JSON with {', '.join(_FIELDS)}") from error
        if not all(isinstance(getattr(account, name), str) and getattr(account, name) for name in _FIELDS):
            raise InvalidCredentials(f"expected texts in {', '.join(_FIELDS)}")
        if not _FUNCTION.fullmatch(account.function):
            raise InvalidCredentials("expected in function a name as Remotion gives it: remotion-render-4-0-527-…")
        return account

    @property
    def version(self) -> str:
        """Of Remotion; client, function and site must have the same."""
        found = _FUNCTION.fullmatch(self.function)
        return ".".join(found.groups()) if found else ""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Where Remotion says that a render ended, and what it signs that with."""

    url: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Screen:
    """What is to be rendered."""

    props: dict[str, Any]
    """Of the composition."""
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a render stands."""

    is_done: bool
    fraction: float | None
    is_fatal: bool
    """Whether it ended without a film."""
    errors: tuple[tuple[str, str], ...]
    """Part of Remotion that met it, and what it says."""
    out_key: str
    out_bucket: str
    timeout_at: float | None
    """Unix seconds when its functions end at the latest."""
    cost_usd: float | None


class Remotion:
    """One account. Owns two boto3 clients and their threads."""

    def __init__(
        self, account: RemotionAccount, *, base_url: str | None = None, webhook: Webhook | None = None
    ) -> None:
        """`base_url` is where both Lambda and S3 are; None is AWS."""
        self._account = account
        self._webhook = webhook
        session = boto3.session.Session(
            region_name=account.region,
            aws_access_key_id=account.access_key,
            aws_secret_access_key=account.secret_key,
        )
        self._lambda = session.client("lambda", endpoint_url=base_url, config=_config(START_S))
        self._s3 = session.client("s3", endpoint_url=base_url, config=_config(_READ_S))
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="remotion")

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._lambda.close()
        self._s3.close()

    async def start(self, screen: Screen) -> str:
        """Begin a render; its id. There is no key: a repeat is another render. Raises Refused, Away."""
        body = json.dumps(_start(self._account, screen, self._webhook)).encode()
        answer = await self._run(partial(self._invoke, body))
        if answer.get("type") == "error" or "errorMessage" in answer:
            raise start_failed(str(answer.get("message") or answer.get("errorMessage") or ""))
        render_id, bucket = answer.get("renderId"), answer.get("bucketName")
        if not isinstance(render_id, str) or not render_id or bucket != self._account.bucket:
            raise Away("Remotion accepts a render and does not say which, or renders into another bucket")
        return render_id

    async def progress(self, render_id: str) -> Progress:
        """How a render stands. Raises Refused, Away, Gone."""
        key = f"renders/{render_id}/progress.json"
        return _progress(await self._run(partial(self._read, key)), bucket=self._account.bucket)

    async def download(self, found: Progress, path: Path, *, max_bytes: int) -> None:
        """Bring the film of a render that is done into a file. Raises Refused, Away, Gone, ValueError when it is too
        large."""
        await self._run(partial(self._save, found, path, max_bytes))

    def _invoke(self, body: bytes) -> dict[str, Any]:
        answer = self._lambda.invoke(
            FunctionName=self._account.function, InvocationType="RequestResponse", Payload=body
        )
        return _object(answer["Payload"].read(_MAX_PROGRESS_BYTES))

    def _read(self, key: str) -> dict[str, Any]:
        answer = self._s3.get_object(Bucket=self._account.bucket, Key=key)
        return _object(answer["Body"].read(_MAX_PROGRESS_BYTES))

    def _save(self, found: Progress, path: Path, max_bytes: int) -> None:
        answer = self._s3.get_object(Bucket=found.out_bucket, Key=found.out_key)
        if answer["ContentLength"] > max_bytes:
            raise ValueError(f"the film has {answer['ContentLength']} bytes, more than {max_bytes}")
        with path.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(chunk)
        if path.stat().st_size != answer["ContentLength"]:
            raise Away("Remotion's film broke off")

    async def _run(self, call: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                raise Gone("Remotion's bucket does not know the render") from error
            raise call_failed(error) from error
        except BotoCoreError as error:
            raise Away(f"Remotion does not answer: {type(error).__name__}") from error


def _start(account: RemotionAccount, screen: Screen, webhook: Webhook | None) -> dict[str, Any]:
    told = None if webhook is None else {"url": webhook.url, "secret": webhook.secret, "customData": None}
    return {
        "type": "start",
        "version": account.version,
        "region": account.region,
        "rendererFunctionName": account.function,
        "serveUrl": account.serve_url,
        "composition": account.composition,
        "inputProps": {"type": "payload", "payload": json.dumps(screen.props)},
        "codec": "h264",
        # It is fetched with the account's own keys; nobody else needs to see it.
        "privacy": "private",
        "forceWidth": screen.width,
        "forceHeight": screen.height,
        "webhook": told,
    }


def _progress(body: dict[str, Any], *, bucket: str) -> Progress:
    done, costs, timeout_ms = body.get("done"), body.get("costs"), _number(body.get("timeoutTimestamp"))
    spent = costs.get("accruedSoFar") if isinstance(costs, dict) else None
    errors = [one for one in body.get("errors") or () if isinstance(one, dict)]
    return Progress(
        is_done=done is True,
        fraction=_number(body.get("overallProgress")),
        is_fatal=body.get("fatalErrorEncountered") is True,
        errors=tuple((str(one.get("type", "")), str(one.get("message", ""))) for one in errors),
        out_key=str(body.get("outKey") or ""),
        out_bucket=str(body.get("outBucket") or bucket),
        timeout_at=None if timeout_ms is None else timeout_ms / 1000,
        cost_usd=_number(spent),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError as error:
        raise Away("Remotion answers something that is not its JSON") from error
    if not isinstance(body, dict):
        raise Away("Remotion answers something that is not its JSON")
    return body


def _config(read_s: float) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=_CONNECT_S,
        read_timeout=read_s,
        # A repeat is ours to decide: another start is another render.
        retries={"total_max_attempts": 1},
        proxies={},
    )
