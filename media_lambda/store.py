"""The object store: streamed reads, write-once writes. The only module that knows botocore."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from media_lambda.errors import InvalidInput, MediaError, StoreFailed
from media_lambda.event import S3Object
from media_lambda.room import Room
from media_lambda.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1024 * 1024
_MAX_MANIFEST_BYTES = 256 * 1024
_MAX_UPLOAD_BYTES = 5 * 1024**3
_MISSING = {"404", "NoSuchKey", "NotFound"}
_EXISTS = {"412", "PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What lies in the store now."""

    size_bytes: int
    sha256: str


class Store:
    """One client, for one invocation."""

    def __init__(self, settings: Settings) -> None:
        self._max_input_bytes = settings.max_input_bytes
        # boto3 would add its transfer manager, which is never asked, and a quarter of a second of imports.
        client = Session().create_client(
            "s3",
            endpoint_url=settings.s3_endpoint,
            region_name=settings.s3_region,
            aws_access_key_id=settings.s3_access_key,
            aws_secret_access_key=settings.s3_secret_key,
            config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=60,
                retries={"max_attempts": 5, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path" if settings.s3_endpoint else "auto"},
            ),
        )
        self._client = cast("S3Client", client)

    def download(self, source: S3Object, path: Path, *, place: str, room: Room) -> None:
        """Stream `source` into a new file. Raises InvalidInput when it is missing or too large, StoreFailed."""
        try:
            answer = self._client.get_object(Bucket=source.bucket, Key=source.key)
            length = answer["ContentLength"]
            if length > self._max_input_bytes:
                raise InvalidInput(f"{place} ({source}) has {length} bytes: at most {self._max_input_bytes} are taken")
            if length > room.left_bytes():
                raise InvalidInput(
                    f"{place} ({source}) has {length} bytes: "
                    f"a job has room for {room.total_bytes}, of which {room.left_bytes()} are left"
                )
            with path.open("xb") as file:
                received = _copy(answer["Body"].iter_chunks(_CHUNK_BYTES), file)
        except ClientError as error:
            if _code(error) in _MISSING:
                raise InvalidInput(f"{place} ({source}) does not exist in the store") from error
            raise _failure("read", source, error) from error
        except BotoCoreError as error:
            raise _failure("read", source, error) from error
        # Under a KMS key the ETag is no digest of the object.
        etag = "" if answer.get("ServerSideEncryption", "").startswith("aws:kms") else answer["ETag"]
        _verify(received, length=length, etag=etag, metadata=answer["Metadata"], source=source)

    def upload(self, path: Path, target: S3Object, *, content_type: str) -> Stored:
        """Write `path` once. The same bytes again are fine; other bytes there raise StoreFailed and stay."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        stored = Stored(size_bytes=path.stat().st_size, sha256=digest.hexdigest())
        if stored.size_bytes > _MAX_UPLOAD_BYTES:
            raise StoreFailed(f"the output has {stored.size_bytes} bytes: the store takes {_MAX_UPLOAD_BYTES} at once")
        with path.open("rb") as file:
            was_written = self._put_once(target, file, digest.digest(), content_type=content_type)
        if not was_written:
            self._expect_same(target, stored)
        return stored

    def read_manifest(self, target: S3Object) -> dict[str, Any] | None:
        """The manifest an earlier invocation wrote, or None."""
        try:
            answer = self._client.get_object(Bucket=target.bucket, Key=target.key)
            text = answer["Body"].read(_MAX_MANIFEST_BYTES)
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise _failure("read", target, error) from error
        except BotoCoreError as error:
            raise _failure("read", target, error) from error
        manifest = json.loads(text)
        if not isinstance(manifest, dict):
            raise StoreFailed(f"{target} is no manifest: expected a JSON object")
        return manifest

    def write_manifest(self, target: S3Object, body: dict[str, Any]) -> dict[str, Any]:
        """Write `body` unless there is a manifest; answer the one that is there now: the first one decides."""
        content = json.dumps(body).encode()
        if self._put_once(target, content, hashlib.sha256(content).digest(), content_type="application/json"):
            return body
        return self.read_manifest(target) or body

    def _put_once(self, target: S3Object, content: bytes | BinaryIO, digest: bytes, *, content_type: str) -> bool:
        try:
            self._client.put_object(
                Bucket=target.bucket,
                Key=target.key,
                Body=content,
                ContentType=content_type,
                ChecksumSHA256=base64.b64encode(digest).decode(),
                Metadata={"sha256": digest.hex()},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if _code(error) in _EXISTS:
                return False
            raise _failure("write", target, error) from error
        except BotoCoreError as error:
            raise _failure("write", target, error) from error
        return True

    def _expect_same(self, target: S3Object, stored: Stored) -> None:
        try:
            head = self._client.head_object(Bucket=target.bucket, Key=target.key)
        except (ClientError, BotoCoreError) as error:
            raise _failure("read", target, error) from error
        found = Stored(size_bytes=head["ContentLength"], sha256=head["Metadata"].get("sha256", ""))
        if found != stored:
            raise StoreFailed(f"{target} holds other bytes already ({found}), expected {stored}; it stays as it is")


@dataclass(frozen=True, kw_only=True)
class _Received:
    size_bytes: int
    sha256: str
    md5: str


def _copy(chunks: Iterator[bytes], file: BinaryIO) -> _Received:
    size_bytes, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        file.write(chunk)
        size_bytes += len(chunk)
        sha256.update(chunk)
        md5.update(chunk)
    return _Received(size_bytes=size_bytes, sha256=sha256.hexdigest(), md5=md5.hexdigest())


def _verify(received: _Received, *, length: int, etag: str, metadata: dict[str, str], source: S3Object) -> None:
    if received.size_bytes != length:
        raise StoreFailed(f"{source} broke off: expected {length} bytes, received {received.size_bytes}")
    tag = etag.strip('"')
    if "sha256" in metadata:
        expected, found = metadata["sha256"], received.sha256
    elif len(tag) == len(received.md5) and tag.isalnum():
        # A plain ETag is the MD5 of the object; that of a multipart upload has a dash and says nothing here.
        expected, found = tag, received.md5
    else:
        return
    if expected != found:
        raise StoreFailed(f"{source} arrived changed: expected digest {expected}, found {found}")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _failure(verb: str, target: S3Object, error: Exception) -> MediaError:
    found = _code(error) if isinstance(error, ClientError) else type(error).__name__
    return StoreFailed(f"could not {verb} {target}: the store answered {found}")
