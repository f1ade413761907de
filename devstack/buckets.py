"""Making the bucket on the embedded S3 endpoint."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

from devstack.layout import BUCKET, REGION, Layout
from devstack.s3.canonical import ALGORITHM, EMPTY_SHA256, Scope, SignedRequest, Signer, canonical_request

SIGNED_HEADERS = ("host", "x-amz-content-sha256", "x-amz-date")
TIMEOUT_S = 10


class BucketRefused(RuntimeError):
    """The endpoint did not make the bucket."""


async def ensure_bucket(layout: Layout, *, port: int) -> None:
    """Make the bucket as the operator; nothing when it is there. Raises BucketRefused.

    One signed request by hand: importing boto3 for it would cost more than the whole start of the endpoint.
    """
    host = f"127.0.0.1:{port}"
    headers = _signed_headers(layout, host=host, now=datetime.now(UTC))
    lines = [f"PUT /{BUCKET} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join([*lines, "Content-Length: 0", "Connection: close", "", ""])
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request.encode())
            status = (await reader.readline()).decode(errors="replace").strip()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    if status.split()[1:2] != ["200"]:
        raise BucketRefused(f"expected 200 for making bucket {BUCKET} at {host}, found {status!r}")


def _signed_headers(layout: Layout, *, host: str, now: datetime) -> dict[str, str]:
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": timestamp}
    request = SignedRequest(
        method="PUT",
        raw_path=f"/{BUCKET}".encode(),
        raw_query=b"",
        headers=tuple((name.encode(), value.encode()) for name, value in headers.items()),
    )
    scope = Scope(date=timestamp[:8], region=REGION)
    signer = Signer(secret_key=layout.s3_secret_key("operator").read_text(), scope=scope, timestamp=timestamp)
    signature = signer.sign_request(
        canonical_request(request, signed_headers=SIGNED_HEADERS, payload_hash=EMPTY_SHA256)
    )
    access_key = layout.s3_access_key("operator").read_text()
    credential = f"Credential={access_key}/{scope}"
    return headers | {
        "authorization": f"{ALGORITHM} {credential}, SignedHeaders={';'.join(SIGNED_HEADERS)}, Signature={signature}"
    }
