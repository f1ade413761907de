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
_MD5_HEX_DIGITS = 32
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
            # Under a KMS key the ETag is no digest of the object.
            etag = "" if answer.get("ServerSideEncryption", "").startswith("aws:kms") else answer["ETag"]
            expected = _Expected(length=length, digest=_known_digest(etag=etag, metadata=answer["Metadata"]))
            with path.open("xb") as file:
                _copy(answer["Body"].iter_chunks(_CHUNK_BYTES), file, expected=expected, source=source)
        except ClientError as error:
            if _code(error) in _MISSING:
                raise InvalidInput(f"{place} ({source}) does not exist in the store") from error
            raise _failure("read", source, error) from error
        except BotoCoreError as error:
            raise _failure("read", source, error) from error

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
class _Expected:
    """What the store says of an object."""

    length: int
    digest: tuple[str, str] | None
    """Name of the algorithm, and hex; None where the store tells none that can be compared."""


def _known_digest(*, etag: str, metadata: dict[str, str]) -> tuple[str, str] | None:
    tag = etag.strip('"')
    if "sha256" in metadata:
        return "sha256", metadata["sha256"]
    # A plain ETag is the MD5 of the object; that of a multipart upload has a dash and says nothing here.
    is_md5 = len(tag) == _MD5_HEX_DIGITS and tag.isalnum()
    return ("md5", tag) if is_md5 else None


def _copy(chunks: Iterator[bytes], file: BinaryIO, *, expected: _Expected, source: S3Object) -> None:
    """Raises StoreFailed when something else arrives than is expected."""
    size_bytes = 0
    name, wanted = expected.digest or ("", "")
    digest = hashlib.new(name, usedforsecurity=False) if name else None
    for chunk in chunks:
        file.write(chunk)
        size_bytes += len(chunk)
        if digest is not None:
            digest.update(chunk)
    if size_bytes != expected.length:
        raise StoreFailed(f"{source} broke off: expected {expected.length} bytes, received {size_bytes}")
    if digest is not None and digest.hexdigest() != wanted:
        raise StoreFailed(f"{source} arrived changed: expected digest {wanted}, found {digest.hexdigest()}")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _failure(verb: str, target: S3Object, error: Exception) -> MediaError:
    found = _code(error) if isinstance(error, ClientError) else type(error).__name__
    return StoreFailed(f"could not {verb} {target}: the store answered {found}")
